"""The memory queue as a pure state machine: no I/O, no clock, no loop.

Every job is in exactly one place:

    enqueue ──> ready ──claim──> leased ──ack──> gone
                 ^ ^               │ │
        due, or  │ └───release─────┤ └──bury──> dead ──drop──> gone
        replayed │                 │              │
              delayed <────retry───┘   replay <───┘

``now`` is seconds of one monotonic clock; ``now_ms`` is unix milliseconds. A consumer that waits
asks again when ``ready_count`` is not 0 or ``next_due`` has come.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import compress

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Lease, NewJob
from sockq.drivers.job_mark import Marks, mark_of
from sockq.drivers.memory_record import ANSWER_BYTES, DeadLetters, Place, Record
from sockq.drivers.source import DeadPage, QueueStats

#: Leases that one ``reclaim`` ends at most.
RECLAIM_LIMIT = 1_000


class MemoryStore:
    """All jobs of one memory queue.

    Args:
        prefix: Text that makes ids and receipts unique among all stores there ever were.
        capacity: Jobs that are not dead; when full, the oldest ready (else the oldest delayed)
            is evicted and counted. A leased job is never evicted.
    """

    def __init__(self, prefix: str, capacity: int = 100_000) -> None:
        self.evicted = 0
        self._prefix = prefix
        self._capacity = capacity
        self._count = 0
        self._jobs: dict[str, Record] = {}
        self._ready: deque[Record] = deque()
        self._leased: dict[str, Record] = {}  # by receipt, in the order of claims
        self._delayed: dict[str, Record] = {}  # by id, the longest delayed first
        self._due: list[tuple[float, int, Record]] = []  # heap; entries of evicted jobs are stale
        self._dead = DeadLetters()

    @property
    def ready_count(self) -> int:
        """Jobs that a claim would get now (``promote`` first)."""
        return len(self._ready)

    # Putting in and taking out.

    def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float, now: float) -> list[str]:
        """Add jobs at the end and return their ids. An id that is here already adds nothing.

        Raises:
            BackendRefused: an id is here with another payload; nothing was added.
            BackendUnavailable: full of leased jobs; nothing was added.
        """
        self._refuse_conflicts(jobs)
        self._require_room()
        ids = []
        for job in jobs:
            id_ = job.id or f"{self._prefix}{self._next():016x}"
            ids.append(id_)
            if id_ in self._jobs:
                continue
            self._make_room()
            record = self._jobs[id_] = Record(id_, job.payload, now)
            if delay_seconds > 0:
                self._delay(record, now + delay_seconds)
            else:
                self._ready.append(record)
        return ids

    def claim(self, limit: int, owner: str, lease_seconds: float, now: float) -> list[Lease]:
        """Lease what is ready, oldest first, and charge one attempt each."""
        self.promote(now)
        leases: list[Lease] = []
        size_bytes = 0
        while self._ready and len(leases) < limit:
            size_bytes += self._ready[0].size_bytes
            if leases and size_bytes > ANSWER_BYTES:
                break
            record = self._ready.popleft()
            record.place = Place.LEASED
            record.attempt += 1
            record.receipt = f"{self._prefix}-{self._next():x}"
            record.owner = owner
            record.deadline = now + lease_seconds
            self._leased[record.receipt] = record
            leases.append(record.lease())
        return leases

    def promote(self, now: float) -> None:
        """Make delayed jobs ready that are due, the earliest first."""
        while (due := self.next_due()) is not None and due <= now:
            _, _, record = heapq.heappop(self._due)
            del self._delayed[record.id]
            record.place = Place.READY
            record.ready_since = due
            self._ready.append(record)

    def next_due(self) -> float | None:
        """When the next delayed job becomes ready, on the clock of ``now``."""
        while self._due:
            due, order, record = self._due[0]
            if record.place is Place.DELAYED and record.order == order:
                return due
            heapq.heappop(self._due)
        return None

    # Ending and extending leases. False: the receipt is not (or no longer) that of a lease.

    def ack(self, receipt: str) -> bool:
        """Remove the job."""
        record = self._leased.pop(receipt, None)
        if record is None:
            return False
        del self._jobs[record.id]
        return True

    def retry(self, receipt: str, delay_seconds: float, state: bytes, now: float) -> bool:
        """Make the job ready after the delay; the attempt stays charged."""
        record = self._leased.pop(receipt, None)
        if record is None:
            return False
        record.state = state
        self._delay(record, now + delay_seconds)
        self.promote(now)
        return True

    def release(self, receipt: str, delay_seconds: float, state: bytes | None, now: float) -> bool:
        """Give the job back, to the front or after the delay; the attempt is refunded."""
        record = self._leased.pop(receipt, None)
        if record is None:
            return False
        record.attempt -= 1
        if state is not None:
            record.state = state
        if delay_seconds > 0:
            self._delay(record, now + delay_seconds)
        else:
            self._to_front(record)
        return True

    def bury(
        self, receipt: str, reason: str, state: bytes, now_ms: int, payload: bytes | None = None
    ) -> bool:
        """Keep the job as a dead letter, with another ``payload`` if one is given."""
        record = self._leased.pop(receipt, None)
        if record is None:
            return False
        record.reason = reason
        record.state = state
        record.died_at_ms = now_ms
        if payload is not None:
            record.payload = payload
        self._dead.add(record)
        return True

    def extend(self, receipt: str, seconds: float, now: float) -> bool:
        """Make the lease end ``seconds`` from now."""
        record = self._leased.get(receipt)
        if record is None:
            return False
        record.deadline = now + seconds
        return True

    def reclaim(self, owner: str | None, now: float, *, blamed: Marks = frozenset()) -> int:
        """End the leases of ``owner`` (None: expired ones), newest first, at most RECLAIM_LIMIT.

        They go to the front in the order of their claims, refunded; the ``blamed`` crashed.
        """
        self.promote(now)
        if owner is None:
            lost = [record for record in self._leased.values() if record.deadline <= now]
        else:
            lost = [record for record in self._leased.values() if record.owner == owner]
        lost = lost[-RECLAIM_LIMIT:]
        for record in reversed(lost):
            del self._leased[record.receipt]
            record.attempt -= 1
            record.crashes += bool(blamed) and mark_of(record.id) in blamed
            self._to_front(record)
        return len(lost)

    # Dead letters and counts.

    def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        """See ``DeadLetters.page``."""
        return self._dead.page(cursor, limit)

    def replay(
        self, ids: Sequence[str], now: float, payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """Put dead letters back at the end of the ready jobs, for a first attempt.

        Raises ``BackendUnavailable`` when all is full of leased jobs: nothing was put back.
        """
        self._require_room()
        instead = payloads or {}
        return [self._replay_one(id_, now, instead.get(id_)) for id_ in ids]

    def drop(self, ids: Sequence[str]) -> list[bool]:
        """Remove dead letters."""
        dropped = [self._dead.pop(id_) is not None for id_ in ids]
        for id_ in compress(ids, dropped):
            del self._jobs[id_]
        return dropped

    def trim_dead(self, most: int, older_than_seconds: float, now_ms: int) -> int:
        """See ``DeadLetters.trim``; return how many went."""
        trimmed = self._dead.trim(most, older_than_seconds, now_ms)
        for record in trimmed:
            del self._jobs[record.id]
        return len(trimmed)

    def stats(self, now: float) -> QueueStats:
        """Exact counts."""
        self.promote(now)
        return QueueStats(
            ready=len(self._ready),
            leased=len(self._leased),
            delayed=len(self._delayed),
            dead=len(self._dead),
            oldest_seconds=max(0.0, now - self._ready[0].ready_since) if self._ready else 0.0,
            evicted=self.evicted,
        )

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _to_front(self, record: Record) -> None:
        record.place = Place.READY
        self._ready.appendleft(record)

    def _delay(self, record: Record, due: float) -> None:
        record.place = Place.DELAYED
        record.order = self._next()
        self._delayed[record.id] = record
        heapq.heappush(self._due, (due, record.order, record))

    def _replay_one(self, id_: str, now: float, payload: bytes | None) -> bool:
        record = self._dead.pop(id_)
        if record is None:
            return False
        self._make_room()
        record.place = Place.READY
        record.attempt = record.crashes = 0
        record.payload = record.payload if payload is None else payload
        record.ready_since = now
        self._ready.append(record)
        return True

    def _refuse_conflicts(self, jobs: Sequence[NewJob]) -> None:
        new: dict[str, bytes] = {}
        for job in jobs:
            if job.id is None:
                continue
            there = self._jobs.get(job.id)
            payload = new.setdefault(job.id, job.payload) if there is None else there.payload
            if payload != job.payload:
                raise BackendRefused(
                    f"job id {job.id!r} is in the queue with another payload: choose another id"
                )

    def _require_room(self) -> None:
        if len(self._leased) >= self._capacity:
            raise BackendUnavailable(
                f"the memory queue is full: all {self._capacity} jobs are being delivered; "
                "try again later"
            )

    def _make_room(self) -> None:
        """Evict until one more job fits; there is something to evict (see ``_require_room``)."""
        while len(self._ready) + len(self._delayed) + len(self._leased) >= self._capacity:
            if self._ready:
                record = self._ready.popleft()
            else:
                record = self._delayed.pop(next(iter(self._delayed)))
                record.order = 0  # its entry in the heap is stale now
                self._compact()
            del self._jobs[record.id]
            self.evicted += 1

    def _compact(self) -> None:
        """Keep stale entries from outnumbering the live ones."""
        if len(self._due) > 2 * len(self._delayed) + 1_000:
            live = self._delayed
            self._due = [entry for entry in self._due if live.get(entry[2].id) is entry[2]]
            heapq.heapify(self._due)
