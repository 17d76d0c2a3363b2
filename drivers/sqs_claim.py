"""Makes leases of messages: in the queue's order, fenced by the book, renewed when they are old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

import msgspec

from sockq.drivers.job import Dead, Lease, Release
from sockq.drivers.job_mark import mark_of
from sockq.drivers.sqs_inbox import Inbox, visibility_seconds
from sockq.drivers.sqs_job import waiting
from sockq.drivers.sqs_journal import Entry
from sockq.drivers.sqs_lanes import Lane, Lanes
from sockq.drivers.sqs_message import Message
from sockq.drivers.sqs_parts import Parts
from sockq.drivers.sqs_records import Record
from sockq.drivers.sqs_settle import Settling

#: A message with less of its time left than this part of a lease is renewed before it is leased.
_FRESH: Final = 0.5
#: A message that came so little too early is not sent round again.
_EARLY_MS: Final = 500


class Handing:
    """Hands out what has come in.

    Args:
        parts: Of its source.
        inbox: Where messages arrive.
        settling: For messages that are no jobs, and jobs that are not due.
        lease_seconds: Length of a lease.
    """

    def __init__(
        self, parts: Parts, inbox: Inbox, settling: Settling, lease_seconds: float
    ) -> None:
        self._client = parts.client
        self._queues = parts.queues
        self._book = parts.book
        self._records = parts.records
        self._lanes = parts.lanes
        self._inbox = inbox
        self._settling = settling
        self._visibility = visibility_seconds(lease_seconds)
        self._count = 0
        self._one_by_one = asyncio.Lock()

    async def take(self, limit: int, owner: str) -> list[Lease]:
        """Lease up to ``limit`` of what is here to ``owner``."""
        if self._queues.fifo:
            async with self._one_by_one:
                return await self._from_lanes(limit, owner)
        inbox = self._inbox.messages
        messages = [inbox.popleft() for _ in range(min(limit, len(inbox)))]
        messages = await self._kept(messages, owner)
        leases: list[tuple[Message, Lease]] = []
        odd: list[tuple[Message, Lease]] = []
        for message in messages:
            lease = self._lease(message, owner)
            (odd if _is_odd(message) else leases).append((message, lease))
        entries = [_entry(message, lease) for message, lease in leases + odd]
        if entries:
            self._book.add(owner, entries)
            self._book.remove(owner, [message.handle for message in messages])
        if odd:
            await self._set_aside(odd)
        return [lease for _, lease in leases]

    async def _from_lanes(self, limit: int, owner: str) -> list[Lease]:
        lanes = self._lanes
        new = [self._inbox.messages.popleft() for _ in range(len(self._inbox.messages))]
        new = await self._kept(new, owner)
        now = time.monotonic()
        lanes.put(message for message in new if message.deadline > now)
        for lane in lanes:
            if all(message.deadline <= now for message in lane.messages):
                lanes.drop(lane)
                self._forgive(_behind(lane))
            elif lane.messages[0].due_ms:
                lane.due = now + lane.messages[0].due_ms / 1000 - time.time()
                lane.messages[0].due_ms = 0
        ready = lanes.ready(limit, now)
        heads = [lane.messages[0] for lane in ready]
        kept = {message.message_id for message in await self._renewed(heads)}
        handed: list[tuple[Message, Lease]] = []
        odd: list[tuple[Message, Lease]] = []
        for lane in ready:
            head = lane.messages[0]
            if head.message_id not in kept:
                lanes.drop(lane)
                self._forgive(lane.messages)
                continue
            if lane.due:  # it was held: unless it is settled now, its next receive is a crash
                lane.due = 0.0
                self._records.put(
                    head.message_id,
                    Record(head.receives - 1, head.attempts, head.crashes, head.state),
                )
                head.unexplained = 0
            lease = self._lease(head, owner)
            lanes.hand_out(lane, lease.receipt)
            (odd if head.body is None else handed).append((head, lease))
        self._book.remove(owner, [message.handle for message, _ in handed + odd])
        entries = [_entry(message, lease) for message, lease in handed + odd]
        behind = [waiting(m) for lane in _with(new, lanes) for m in _behind(lane)]
        if entries or behind:
            self._book.add(owner, entries + behind)
        if odd:
            await self._set_aside(odd)
        return [lease for _, lease in handed]

    def next_due(self) -> float | None:
        """Monotonic time at which a retry that waits here is due."""
        return self._lanes.next_due(time.monotonic())

    async def _kept(self, messages: list[Message], owner: str) -> list[Message]:
        """Those of one or more receives that are ours for the length of a lease.

        The book knows of them before SQS is told: whenever this process is killed, they go back.
        """
        if not messages:
            return messages
        until = time.monotonic() + self._visibility
        entries = [msgspec.structs.replace(waiting(m), deadline=until) for m in messages]
        self._book.add(owner, entries)
        try:
            ours = {message.message_id for message in await self._renewed(messages)}
        except BaseException:  # cancelled: the next claim does it
            self._inbox.messages.extendleft(reversed(messages))
            self._book.remove(owner, [message.handle for message in messages])
            raise
        kept, lost, behind = sort_out(messages, ours)
        if lost or behind:
            self._book.remove(owner, [message.handle for message in lost + behind])
            self._client.later(self._inbox.return_now, behind)
        return kept

    async def _renewed(self, messages: list[Message]) -> list[Message]:
        """Those that are still ours, with enough time left for a lease."""
        now = time.monotonic()
        old = [m for m in messages if m.deadline - now < self._visibility * _FRESH]
        if not old:
            return messages
        lost = set()
        outcomes = await self._client.batch(
            "change_message_visibility_batch",
            self._queues.url,
            [
                {"ReceiptHandle": m.handle, "VisibilityTimeout": self._visibility}
                for m in old
                if m.deadline > now
            ],
        )
        found = iter(outcomes)
        for message in old:
            if message.deadline > now and isinstance(next(found), dict):
                message.deadline = now + self._visibility
            else:
                lost.add(message.message_id)
        self._forgive(m for m in old if m.message_id in lost)
        return [message for message in messages if message.message_id not in lost]

    def _forgive(self, messages: Iterable[Message]) -> None:
        """These were lost before anybody worked on them: no crash."""
        for message in messages:
            self._records.forgive(message)

    async def _set_aside(self, odd: list[tuple[Message, Lease]]) -> None:
        await self._settling.settle(
            [
                Dead(lease, "the message has no body", lease.state)
                if message.body is None
                else Release(lease, message.due_ms / 1000 - time.time(), lease.state)
                for message, lease in odd
            ]
        )

    def _lease(self, message: Message, owner: str) -> Lease:
        self._count += 1
        return Lease(
            id=message.id,
            payload=message.body or b"",
            attempt=message.attempts + 1,
            receipt=f"{message.handle}|{self._count}",
            owner=owner,
            state=message.state,
            crashes=message.crashes,
        )


def sort_out(
    messages: list[Message], ours: set[str]
) -> tuple[list[Message], list[Message], list[Message]]:
    """Tell which may be worked on: none of a message group behind one that is lost.

    Args:
        messages: In the order of the queue.
        ours: Ids of those that are not lost.

    Returns:
        Those to work on, those that are lost, and those of ours that are behind a lost one.
    """
    kept: list[Message] = []
    lost: list[Message] = []
    behind: list[Message] = []
    for message in messages:
        if message.message_id not in ours:
            lost.append(message)
        elif message.group is not None and any(m.group == message.group for m in lost):
            behind.append(message)
        else:
            kept.append(message)
    return kept, lost, behind


def _is_odd(message: Message) -> bool:
    return message.body is None or message.due_ms > time.time() * 1000 + _EARLY_MS


def _entry(message: Message, lease: Lease) -> Entry:
    return Entry(
        lease.receipt,
        "lease",
        message.deadline,
        message.message_id,
        message.receives,
        message.group,
        message.recorded,
        mark_of(lease.id),
        message.unexplained,
    )


def _with(new: list[Message], lanes: Lanes) -> list[Lane]:
    groups = {message.group for message in new}
    return [lane for lane in lanes if lane.messages and lane.messages[0].group in groups]


def _behind(lane: Lane) -> list[Message]:
    """All that are not handed out: the head too, if it still waits."""
    return list(lane.messages) if lane.receipt is None else lane.successors
