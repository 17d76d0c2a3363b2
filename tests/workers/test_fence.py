"""A worker that cannot keep its leases begins nothing more for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest
from support.until import async_until

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import Lease
from sockq.drivers.source import Source
from sockq.workers import settler as settler_module
from sockq.workers.outage import Outage, Recovery
from sockq.workers.settler import Settler

LEASE_SECONDS = 30.0


class Clock:
    """The clock of leases, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(settler_module, "now_seconds", clock)
    return clock


class Renewing:
    """A source that only renews, or does not."""

    name = "q"

    def __init__(self) -> None:
        self.during: Callable[[], None] = lambda: None
        self.away = False
        self.asked = 0
        self.lost: set[str] = set()

    async def extend(self, leases: Sequence[Lease], _seconds: float) -> list[bool]:
        self.asked += 1
        self.during()
        if self.away:
            raise BackendUnavailable("away")
        return [lease.receipt not in self.lost for lease in leases]


def settler_of(source: Renewing, lease_seconds: float) -> Settler:
    outage = Outage(Recovery(), on_down=lambda _: None, on_up=lambda _: None)
    fake: Source = source  # type: ignore[assignment]  # the one verb that is used
    return Settler(fake, lease_seconds, outage, lambda *_: None, lambda _: None)


def lease(number: int) -> Lease:
    return Lease(f"j{number}", b"", 1, f"r{number}", "w0")


async def test_a_lease_that_was_not_renewed_in_its_time_is_fenced(clock: Clock) -> None:
    settler = settler_of(Renewing(), LEASE_SECONDS)
    settler.hold([lease(1)], clock.now)
    clock.now += LEASE_SECONDS - 0.1
    assert settler.keeps(lease(1))
    settler.hold([lease(2)], clock.now)  # newer, but the older one counts
    clock.now += 0.2
    assert not settler.keeps(lease(1))
    assert not settler.keeps(lease(2))
    assert not settler.keeps(lease(3)), "never held"


async def test_a_lease_counts_from_when_its_claim_was_asked_for(clock: Clock) -> None:
    """This process was frozen in the broker's line: the answer is older than its reading."""
    settler = settler_of(Renewing(), LEASE_SECONDS)
    asked_at = clock.now
    clock.now += LEASE_SECONDS + 1
    settler.hold([lease(1)], asked_at)
    assert not settler.keeps(lease(1))


async def test_an_old_claim_fences_also_what_is_held(clock: Clock) -> None:
    settler = settler_of(Renewing(), LEASE_SECONDS)
    asked_at = clock.now
    clock.now += LEASE_SECONDS / 2
    settler.hold([lease(1)], clock.now)
    settler.hold([lease(2)], asked_at)
    clock.now += LEASE_SECONDS / 2 + 1
    assert not settler.keeps(lease(2))


async def test_a_renewal_says_nothing_of_what_joined_meanwhile(clock: Clock) -> None:
    """The next one does, and comes at once."""
    source = Renewing()
    settler = settler_of(source, 0.03)
    settler.hold([lease(1)], clock.now)
    source.lost.add("r2")
    kept: list[bool] = []

    def during() -> None:
        if source.asked == 1:
            settler.hold([lease(2)], clock.now)
            clock.now += 1.0
        elif source.asked == 2:
            kept.extend(settler.keeps(lease(number)) for number in (1, 2))

    source.during = during
    keeping = asyncio.create_task(settler.keep_alive())
    try:
        await async_until(lambda: source.asked >= 2 and settler.keeps(lease(1)))
        assert kept == [False, False]
        assert not settler.keeps(lease(2))
    finally:
        keeping.cancel()


async def test_a_renewal_lifts_the_fence_from_when_it_was_asked_for(
    clock: Clock,
) -> None:
    source = Renewing()
    settler = settler_of(source, 0.03)
    settler.hold([lease(1)], clock.now)
    clock.now += 1.0
    assert not settler.keeps(lease(1))
    keeping = asyncio.create_task(settler.keep_alive())
    try:
        await async_until(lambda: settler.keeps(lease(1)))
        source.away = True
        asked = source.asked
        await async_until(lambda: source.asked > asked)
        clock.now += 0.05
        assert not settler.keeps(lease(1)), "the backend is away for longer than a lease"
    finally:
        keeping.cancel()


async def test_what_a_renewal_found_lost_stays_lost(clock: Clock) -> None:
    source = Renewing()
    source.lost.add("r1")
    settler = settler_of(source, 0.03)
    settler.hold([lease(1), lease(2)], clock.now)
    keeping = asyncio.create_task(settler.keep_alive())
    try:
        await async_until(lambda: not settler.keeps(lease(1)))
        assert settler.keeps(lease(2))
        assert clock.now == 1_000.0
    finally:
        keeping.cancel()


def test_the_clock_goes_on_while_the_machine_sleeps() -> None:
    """CLOCK_BOOTTIME where there is one: it is never behind the clock that stands still."""
    before = time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    assert before <= settler_module.now_seconds() <= before + 60
