"""Settles jobs that stay in their place: on FIFO queues, and where a message is too large.

A retry on a FIFO queue waits in this process, with its group's lock, so that its state reaches
whoever goes on with it, on any host. Only a message that is given up for others (a release, the
end of this process) relies on the record (``sqs_records``), which the processes of one fleet
share. When the record is lost with its host, the next owner starts anew: attempt 1, and targets
that were served already are served again, under the same delivery id.
"""

from __future__ import annotations

import time
from typing import Any

from sockq.drivers.errors import SockqError
from sockq.drivers.job import Release, Retry
from sockq.drivers.sqs_client import Outcome
from sockq.drivers.sqs_inbox import visibility_seconds
from sockq.drivers.sqs_job import Job, due_ms, handle_of, waiting, waits
from sockq.drivers.sqs_parts import Parts
from sockq.drivers.sqs_records import Record


class Staying:
    """Settles what stays, for one source.

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
        self._lease_seconds = lease_seconds

    async def settle(self, jobs: list[Job]) -> None:
        """Leave messages where they are, unseen until they are due; what is known is recorded."""
        first: list[dict[str, Any]] = []
        entries: list[dict[str, Any]] = []
        for job in jobs:
            delay_seconds, attempts, state = waits(job)
            held = job.entry
            record = Record(
                held.receives, attempts, job.lease.crashes, state, due_ms(delay_seconds)
            )
            self._records.put(held.message_id, record)
            held.recorded, held.unexplained = True, 0
            hidden = 0 if delay_seconds <= 0 else visibility_seconds(delay_seconds)
            if self._holds(job):
                hidden = visibility_seconds(delay_seconds + self._lease_seconds)
            if job.lane is not None and not hidden:
                self._forgive(job)
            if job.lane is not None:  # those behind it; before it, when they are given back
                first += [
                    {"ReceiptHandle": m.handle, "VisibilityTimeout": hidden}
                    for m in reversed(job.lane.messages)
                    if m.message_id != held.message_id
                ]
            handle = handle_of(held.receipt)
            entries.append({"ReceiptHandle": handle, "VisibilityTimeout": hidden})
        url = self._queues.url
        await self._client.batch("change_message_visibility_batch", url, first)
        outcomes = await self._client.batch("change_message_visibility_batch", url, entries)
        now = time.monotonic()
        for job, sent, outcome in zip(jobs, entries, outcomes, strict=True):
            self._kept(job, outcome, now + sent["VisibilityTimeout"])

    def _forgive(self, job: Job) -> None:
        """Those behind it go back without having been worked on."""
        assert job.lane is not None
        for message in job.lane.successors:
            self._records.forgive(message)

    def _kept(self, job: Job, outcome: Outcome, deadline: float) -> None:
        job.outcome = outcome if isinstance(outcome, SockqError) else isinstance(outcome, dict)
        if isinstance(job.outcome, SockqError):
            return
        owner, lane = job.lease.owner, job.lane
        self._book.remove(owner, [job.entry.receipt])
        if lane is None:
            return
        if not job.outcome or not self._holds(job):
            self._book.remove(owner, [m.handle for m in lane.messages])
            self._lanes.drop(lane)
            return
        for message in lane.messages:
            message.deadline = deadline
        head = lane.messages[0]
        delay_seconds, attempts, state = waits(job)
        head.attempts, head.state, head.crashes = attempts, state, job.lease.crashes
        head.recorded, head.unexplained = True, 0
        self._book.extend(owner, [m.handle for m in lane.messages], deadline)
        self._book.add(owner, [waiting(head, "held")])
        self._lanes.hold(lane, time.monotonic() + delay_seconds)

    @staticmethod
    def _holds(job: Job) -> bool:
        """Whether the job waits in this process: all but a release to whoever comes first."""
        if job.lane is None:
            return False
        return isinstance(job.settlement, Retry) or (
            isinstance(job.settlement, Release) and job.settlement.delay_seconds > 0
        )
