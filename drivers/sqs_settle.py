"""Ends leases on SQS.

On a standard queue a job that goes on is sent again, with its state, and then deleted: in that
order, so a crash in between makes a duplicate with the same delivery id, and never a loss. On a
FIFO queue it stays in its place, or its group would overtake it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from sockq.drivers.durations import whole_seconds
from sockq.drivers.errors import BackendRefused, SettlementRefused, SockqError
from sockq.drivers.job import Ack, Dead, Settlement
from sockq.drivers.sqs_client import Fault
from sockq.drivers.sqs_job import Job, handle_of, waits
from sockq.drivers.sqs_journal import Entry
from sockq.drivers.sqs_message import Burial, attributes, entry, hash_of
from sockq.drivers.sqs_parts import Parts
from sockq.drivers.sqs_stay import Staying

#: SQS delays a message of its own for at most so long.
MOST_DELAY_SECONDS: Final = 900
#: Settlements whose success is remembered until their batch, which failed elsewhere, comes again.
_REMEMBERED: Final = 10_000


class Settling:
    """Settles for one source.

    Args:
        parts: Of its source.
        lease_seconds: Length of a lease.
    """

    def __init__(self, parts: Parts, lease_seconds: float) -> None:
        self._client = parts.client
        self._queues = parts.queues
        self._book = parts.book
        self._records = parts.records
        self._lanes = parts.lanes
        self._staying = Staying(parts, lease_seconds)
        self._done_before: dict[str, None] = {}

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See ``Source.settle``."""
        jobs: list[Job | None] = []
        for settlement, held in zip(settlements, self._held(settlements), strict=True):
            lane = None
            if held is not None and self._queues.fifo:
                lane = self._lanes.of(held.group, held.receipt)
            jobs.append(Job(settlement, held, lane) if held is not None else None)
        ours = [job for job in jobs if job is not None]
        for job in ours:
            job.entry.settling = True
        try:
            await self._run(ours)
        finally:
            for job in ours:
                job.entry.settling = False
        refused = next((j.outcome for j in ours if isinstance(j.outcome, BackendRefused)), None)
        if refused is None:
            self._raise_failed(ours)
        results = [
            self._was_done(settlement.lease.receipt)
            if job is None
            else None
            if isinstance(job.outcome, SockqError)
            else job.outcome
            for job, settlement in zip(jobs, settlements, strict=True)
        ]
        if refused is not None:
            raise SettlementRefused(str(refused), results) from refused
        return [result is True for result in results]

    def _raise_failed(self, jobs: list[Job]) -> None:
        """If one failed, the batch comes again: what took effect is remembered until then."""
        failed = next((j.outcome for j in jobs if isinstance(j.outcome, SockqError)), None)
        if failed is None:
            return
        for job in jobs:
            if job.outcome is True and len(self._done_before) < _REMEMBERED:
                self._done_before[job.lease.receipt] = None
        raise failed

    def _was_done(self, receipt: str) -> bool:
        if receipt not in self._done_before:
            return False
        del self._done_before[receipt]
        return True

    def _held(self, settlements: Sequence[Settlement]) -> list[Entry | None]:
        by_owner: dict[str, list[str]] = {}
        for settlement in settlements:
            by_owner.setdefault(settlement.lease.owner, []).append(settlement.lease.receipt)
        live = {
            owner: {r: e for r, e in self._book.live(owner, found).items() if not e.settling}
            for owner, found in by_owner.items()
        }
        # Taken out as it is found: the same lease a second time in a batch is not ours any more.
        return [live[s.lease.owner].pop(s.lease.receipt, None) for s in settlements]

    async def _run(self, jobs: list[Job]) -> None:
        acks, moves, burials, stays = [], [], [], []
        for job in jobs:
            match job.settlement:
                case Ack():
                    acks.append(job)
                case Dead():
                    burials.append(job)
                case _ if self._queues.fifo:
                    stays.append(job)
                case _:
                    found = self._again(job)
                    if found is None:  # too large for one attribute more
                        stays.append(job)
                    else:
                        moves.append((job, found))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._delete(acks))
            if moves:
                group.create_task(self._move(moves))
            if burials:
                group.create_task(self._bury(burials))
            if stays:
                group.create_task(self._staying.settle(stays))

    def _again(self, job: Job) -> dict[str, Any] | None:
        delay_seconds, attempts, state = waits(job)
        delay = whole_seconds(delay_seconds)
        due_ms = int((time.time() + delay) * 1000) if delay > MOST_DELAY_SECONDS else 0
        found = entry(
            job.lease.payload,
            attributes(job.lease, attempts=attempts, state=state, due_ms=due_ms),
            self._queues.most_bytes,
        )
        if found is not None:
            found["DelaySeconds"] = min(delay, MOST_DELAY_SECONDS)
            if job.entry.group:  # a standard queue shares its turns fairly between groups
                found["MessageGroupId"] = job.entry.group
        return found

    async def _move(self, moves: list[tuple[Job, dict[str, Any]]]) -> None:
        await self._send_and_delete(self._queues.url, self._queues.most_bytes, moves)

    async def _bury(self, jobs: list[Job]) -> None:
        try:
            url, most_bytes = await self._queues.dead()
        except SockqError as error:
            for job in jobs:
                job.outcome = error
            return
        moves = []
        for job in jobs:
            assert isinstance(job.settlement, Dead)
            burial = Burial(job.settlement.reason, int(time.time() * 1000), job.entry.group)
            given = attributes(
                job.lease,
                attempts=job.lease.attempt,
                state=job.settlement.state,
                burial=burial,
            )
            payload = job.settlement.payload or job.lease.payload
            found = entry(payload, given, most_bytes, pack=True)
            if found is None:
                continue  # False: SQS gives it out again; nothing is lost
            if self._queues.fifo:  # a group of its own, or one reader would hold up all
                found["MessageGroupId"] = hash_of(job.lease.id)
                found["MessageDeduplicationId"] = hash_of(job.lease.receipt)
            moves.append((job, found))
        await self._send_and_delete(url, most_bytes, moves)

    async def _send_and_delete(
        self, url: str, most_bytes: int, moves: list[tuple[Job, dict[str, Any]]]
    ) -> None:
        unsent = [(job, found) for job, found in moves if not job.entry.moved]
        outcomes = await self._client.batch(
            "send_message_batch", url, [found for _, found in unsent], most_bytes=most_bytes
        )
        for (job, _), outcome in zip(unsent, outcomes, strict=True):
            if isinstance(outcome, dict):
                job.entry.moved = True
            elif isinstance(outcome, Fault):
                text = f"{self._client.where} refuses a message: {outcome.code} {outcome.message}"
                job.outcome = BackendRefused(text)
            else:
                job.outcome = outcome
        await self._delete([job for job, _ in moves if job.entry.moved])

    async def _delete(self, jobs: list[Job]) -> None:
        outcomes = await self._client.batch(
            "delete_message_batch",
            self._queues.url,
            [{"ReceiptHandle": handle_of(job.entry.receipt)} for job in jobs],
        )
        for job, outcome in zip(jobs, outcomes, strict=True):
            # Refused: SQS gave it to somebody else. Then a copy that was sent is a duplicate.
            job.outcome = outcome if isinstance(outcome, SockqError) else isinstance(outcome, dict)
            if job.entry.moved and not isinstance(outcome, SockqError):
                job.outcome = True
            self._end(job)

    def _end(self, job: Job) -> None:
        """The message is gone, or another's."""
        if isinstance(job.outcome, SockqError):
            return
        self._book.remove(job.lease.owner, [job.entry.receipt])
        if job.outcome and (job.entry.recorded or job.entry.receives > 1):
            self._records.drop(job.entry.message_id)
        if job.lane is not None:
            if job.outcome:
                self._lanes.advance(job.lane)
            else:
                for message in job.lane.successors:  # lost without having been worked on
                    self._records.forgive(message)
                self._lanes.drop(job.lane)
