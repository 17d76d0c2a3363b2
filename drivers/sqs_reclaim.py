"""Keeps leases alive, and gives back what a dead owner held."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from sockq.drivers.errors import SockqError
from sockq.drivers.job import Lease
from sockq.drivers.job_mark import Marks
from sockq.drivers.sqs_inbox import Inbox, visibility_seconds
from sockq.drivers.sqs_job import handle_of
from sockq.drivers.sqs_journal import Entry
from sockq.drivers.sqs_message import Message
from sockq.drivers.sqs_parts import Parts

#: Messages that are given back in one step.
_STEP: Final = 500
#: How often old records are looked for.
_RECORDS_SECONDS: Final = 3600.0
_VISIBILITY: Final = "change_message_visibility_batch"


class Reclaiming:
    """Extends leases and gives back, for one source.

    Args:
        parts: Of its source.
    """

    def __init__(self, parts: Parts) -> None:
        self._client = parts.client
        self._queues = parts.queues
        self._book = parts.book
        self._records = parts.records
        self._lanes = parts.lanes
        self._records_at = time.monotonic() + _RECORDS_SECONDS

    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:
        """See ``Source.extend``. What waits behind a lease in its group is kept with it."""
        by_owner: dict[str, list[Lease]] = {}
        for lease in leases:
            by_owner.setdefault(lease.owner, []).append(lease)
        kept: set[str] = set()
        for owner, found in by_owner.items():
            kept |= await self._extend(owner, found, visibility_seconds(seconds))
        return [lease.receipt in kept for lease in leases]

    async def _extend(self, owner: str, leases: Sequence[Lease], visibility: int) -> set[str]:
        """Of one owner; returns the receipts of those that are kept."""
        live = self._book.live(owner, [lease.receipt for lease in leases])
        # What is being settled right now is ours until that is done.
        settling = {receipt for receipt, entry in live.items() if entry.settling}
        held = {receipt: entry for receipt, entry in live.items() if receipt not in settling}
        behind = {receipt: self._behind(entry) for receipt, entry in held.items()}
        handles = {receipt: handle_of(receipt) for receipt in held}
        more = [message.handle for messages in behind.values() for message in messages]
        outcomes = await self._hide([*handles.values(), *more], visibility)
        deadline = time.monotonic() + visibility
        kept = {r for r, handle in handles.items() if isinstance(outcomes[handle], dict)}
        waiting: list[str] = []
        for receipt in kept:
            for message in behind[receipt]:
                if isinstance(outcomes[message.handle], dict):
                    message.deadline = deadline
                    waiting.append(message.handle)
        self._book.extend(owner, [*kept, *waiting], deadline)
        failed = next((o for o in outcomes.values() if isinstance(o, SockqError)), None)
        if failed is not None:
            raise failed
        self._book.remove(owner, held.keys() - kept)
        return kept | settling

    async def give_back(self, owner: str, blamed: Marks) -> int:
        """Make visible what a dead ``owner`` held; returns how many leases that ended."""
        ended = 0
        while found := self._book.seize(owner, _STEP):
            # Successors first: SQS gives out none of a group while one of it is hidden.
            found.sort(key=lambda entry: entry.kind != "waiting")
            guilty = {entry.message_id for entry in found if entry.mark in blamed}
            for entry in found:
                if entry.message_id in guilty:
                    self._records.blame(entry)
                else:  # it was not worked on, or did no harm
                    self._records.forgive(entry)
            outcomes = await self._hide([handle_of(entry.receipt) for entry in found], 0)
            failed = [e for e in found if isinstance(outcomes[handle_of(e.receipt)], SockqError)]
            if failed:
                self._book.restore(owner, failed)
                error = outcomes[handle_of(failed[0].receipt)]
                assert isinstance(error, SockqError)
                raise error
            ended += sum(entry.kind == "lease" for entry in found)
        return ended

    async def sweep(self) -> int:
        """Note what has expired, of anybody whose journal is here; SQS gives it out by itself."""
        expired = self._book.expired()
        self._records.forgive_expired(expired)
        ended = sum(entry.kind == "lease" for entry in expired)
        now = time.monotonic()
        if now >= self._records_at:
            self._records_at = now + _RECORDS_SECONDS
            self._records.sweep()
        return ended

    async def give_back_waiting(self, inbox: Inbox) -> None:
        """Make visible what waits in this process; held retries when they are due."""
        back = list(inbox.messages)
        inbox.messages.clear()
        held: list[tuple[Message, float]] = []
        now = time.monotonic()
        for lane in self._lanes:
            if lane.receipt is not None:
                continue  # somebody works on its head; ``give_back`` does this
            head, *behind = lane.messages
            if lane.due > now:  # its record knows
                held.append((head, lane.due - now))
            else:
                behind.insert(0, head)
            back += behind
            self._lanes.drop(lane)
        for message in back:
            self._records.forgive(message)
        await self._hide([message.handle for message in reversed(back)], 0)
        for head, seconds in held:
            await self._hide([head.handle], visibility_seconds(seconds))
        self._book.forget([message.handle for message in [*back, *(head for head, _ in held)]])

    def _behind(self, held: Entry) -> list[Message]:
        lane = self._lanes.of(held.group, held.receipt) if self._queues.fifo else None
        return lane.successors if lane is not None else []

    async def _hide(self, handles: Sequence[str], seconds: int) -> dict[str, Any]:
        """Change the visibility timeout; what became of each handle."""
        entries = [{"ReceiptHandle": handle, "VisibilityTimeout": seconds} for handle in handles]
        outcomes = await self._client.batch(
            _VISIBILITY, self._queues.url, entries, in_order=self._queues.fifo and not seconds
        )
        return dict(zip(handles, outcomes, strict=True))
