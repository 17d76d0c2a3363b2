"""What the parts of the source contract share: the traits of a backend and a few short steps."""

from __future__ import annotations

import json
import time
from typing import Protocol

import pytest
from support.marks import marks
from support.until import async_until

from sockq.drivers.job import Ack, Lease, NewJob
from sockq.drivers.source import DeadLetter, Driver, QueueStats, Source

#: Long enough for a busy machine; a test that passes never waits for it.
PATIENCE_SECONDS = 10.0


class MakeDriver(Protocol):
    """Opens one more driver on the test's own queue, which is empty at the start of the test.

    Within one test every call gets the same arguments. Drivers are closed at teardown.
    """

    async def __call__(self, *, lease_seconds: float = 30.0) -> Driver: ...


class SourceKit:
    """Traits that a subclass may override, and the steps that the cases are written in."""

    #: Jobs are claimed in the order in which they were enqueued.
    keeps_order = True
    #: ``Release`` without a delay puts the job before the others that are ready.
    fifo_release_front = True
    #: ``NewJob.id`` becomes the job's id, and enqueueing a job that is still there adds nothing.
    explicit_ids = True
    #: The ids that ``enqueue`` returns are those of the leases.
    enqueue_knows_ids = True
    #: A claim that waits has a job within this time of its enqueueing (best of three).
    instant_wakeup_seconds = 0.25
    #: How late a delayed job may be (granularity of the backend's clock and sweeps).
    delay_resolution_seconds = 1.0
    #: A lease that outlives the shortest delay, where both are coarse.
    sure_lease_seconds = 0.5
    #: A claim finds delayed jobs that are due by itself; else ``reclaim(None)`` has to run.
    claim_promotes_due = True
    #: ``claim`` uses up its wait when there is nothing; else it may return early.
    waits_fully = True
    #: ``reclaim(owner)`` works at once; else jobs come back only when leases expire.
    reclaims_by_owner = True
    #: ``stats`` is exact at once.
    exact_stats = True
    #: Any bytes are a payload; else what is not text is refused.
    any_bytes = True
    #: A payload above this is refused; None: the suite's largest are taken.
    largest_payload_bytes: int | None = None
    #: ``enqueue`` can delay jobs; else a delay is refused.
    delays_enqueued = True

    @pytest.fixture
    async def make_driver(self) -> MakeDriver:
        raise NotImplementedError(f"{type(self).__name__} must provide the fixture make_driver")

    def source_of(self, driver: Driver) -> Source:
        """Return the source under test; the only one, unless a subclass says which."""
        (source,) = driver.sources
        return source

    def payload(self, n: int, size_bytes: int = 0) -> bytes:
        """Return a job that the dialect allows, unique in ``n``, no shorter than that."""
        event = {"name": "channel_occupied", "channel": f"room-{n}-" + "x" * size_bytes}
        job = {
            "app_key": "app-key",
            "app_id": "app-id",
            "app_secret": "app-secret",
            "payload": {"time_ms": 1_700_000_000_000 + n, "events": [event]},
            "original_signature": f"app-id:room-{n}:channel_occupied",
        }
        return json.dumps(job, separators=(",", ":")).encode()

    # Steps.

    async def opened(self, make_driver: MakeDriver, *, lease_seconds: float = 30.0) -> Source:
        driver = await make_driver(lease_seconds=lease_seconds)
        return self.source_of(driver)

    async def put(self, source: Source, count: int, *, first: int = 0) -> list[bytes]:
        """Enqueue ``count`` jobs and return their payloads."""
        payloads = [self.payload(first + i) for i in range(count)]
        await source.enqueue([NewJob(payload) for payload in payloads])
        return payloads

    async def take(
        self, source: Source, count: int, owner: str = "owner-1", *, wait_seconds: float = 0.2
    ) -> list[Lease]:
        """Claim exactly ``count`` jobs, in as many claims as it takes, without any sweeping."""
        taken: list[Lease] = []

        async def enough() -> bool:
            taken.extend(await source.claim(count - len(taken), wait_seconds, owner))
            return len(taken) >= count

        await async_until(enough, PATIENCE_SECONDS)
        assert len(taken) == count
        return taken

    async def take_one(self, source: Source, owner: str = "owner-1") -> Lease:
        (lease,) = await self.take(source, 1, owner)
        return lease

    async def take_due(self, source: Source, count: int, owner: str = "owner-1") -> list[Lease]:
        """As ``take`` for jobs that were delayed: sweeps as a janitor would."""
        taken: list[Lease] = []

        async def enough() -> bool:
            await source.reclaim(None)
            taken.extend(await source.claim(count - len(taken), 0.02, owner))
            return len(taken) >= count

        await async_until(enough, PATIENCE_SECONDS)
        assert len(taken) == count
        return taken

    async def assert_empty(self, source: Source) -> None:
        """Nothing can be claimed now, not even after a sweep."""
        await source.reclaim(None)
        assert await source.claim(10, 0.05, "someone-else") == []

    async def expire(self, source: Source, count: int) -> None:
        """Sweep until ``count`` leases have expired."""
        ended = 0

        async def all_ended() -> bool:
            nonlocal ended
            ended += await source.reclaim(None)
            return ended >= count

        await async_until(all_ended, PATIENCE_SECONDS)
        assert ended == count

    async def lose(self, source: Source, lease: Lease) -> None:
        """Make the backend take this lease back, its owner being dead."""
        if self.reclaims_by_owner:
            assert await source.reclaim(lease.owner, blamed=marks([lease])) == 1
        else:
            await self.expire(source, 1)

    async def drain(self, source: Source, count: int, owner: str = "drainer") -> list[Lease]:
        """Claim and ack until ``count`` jobs are done; only what was acked counts."""
        done: list[Lease] = []

        async def all_done() -> bool:
            await source.reclaim(None)
            leases = await source.claim(64, 0.02, owner)
            acked = await source.settle([Ack(lease) for lease in leases])
            done.extend(lease for lease, was_ours in zip(leases, acked, strict=True) if was_ours)
            return len(done) >= count

        await async_until(all_done, PATIENCE_SECONDS)
        assert len(done) == count
        return done

    async def all_dead(self, source: Source, page_size: int = 100) -> list[DeadLetter]:
        """Every dead letter, page by page."""
        letters: list[DeadLetter] = []
        cursor: str | None = None
        while True:
            page = await source.dead_letters(cursor, page_size)
            assert len(page.letters) <= page_size
            letters.extend(page.letters)
            cursor = page.cursor
            if cursor is None:
                return letters

    async def assert_counts(
        self, source: Source, *, ready: int = 0, leased: int = 0, delayed: int = 0, dead: int = 0
    ) -> None:
        """The four counts are these (now, or soon where ``stats`` is not exact)."""
        expected = (ready, leased, delayed, dead)

        async def counts() -> tuple[int | None, int | None, int | None, int | None]:
            return _counts(await source.stats())

        if not self.exact_stats:

            async def right() -> bool:
                return await counts() == expected

            await async_until(right, PATIENCE_SECONDS)
        assert await counts() == expected, "(ready, leased, delayed, dead)"


def _counts(stats: QueueStats) -> tuple[int | None, int | None, int | None, int | None]:
    return stats.ready, stats.leased, stats.delayed, stats.dead


async def next_millisecond() -> None:
    """Return when the clock that orders dead letters has moved on."""
    start = time.time_ns() // 1_000_000

    def moved() -> bool:
        return time.time_ns() // 1_000_000 > start + 1

    await async_until(moved)
