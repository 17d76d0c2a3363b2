"""A settlement that is refused waits behind the others; it holds none of them up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from support.until import async_until

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SettlementRefused, SockqError
from sockq.drivers.job import Ack, Lease, Settlement
from sockq.drivers.source import Source
from sockq.workers import outage as outage_module
from sockq.workers.outage import Outage, Recovery
from sockq.workers.settler import BATCH, Settler, now_seconds

JOBS = 3 * BATCH


class Refusing:
    """A source that refuses a batch with one of ``bad`` in it, or, ``exact``, only these."""

    def __init__(self, bad: set[str], *, exact: bool) -> None:
        self.bad = bad
        self.exact = exact
        self.away = False
        self.calls = 0
        self.tried: list[str] = []

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        self.calls += 1
        await asyncio.sleep(0)
        if self.away:
            raise BackendUnavailable("away")
        ids = [settlement.lease.id for settlement in settlements]
        self.tried += [id_ for id_ in ids if id_ in self.bad]
        if self.bad.isdisjoint(ids):
            return [True] * len(ids)
        if self.exact:
            raise SettlementRefused("no right", [None if id_ in self.bad else True for id_ in ids])
        raise BackendRefused("no right")


class Bench:
    """A settler at work on it, and what it told."""

    def __init__(self, source: Refusing) -> None:
        self.settled: list[str] = []
        self.told: list[str] = []
        outage = Outage(
            Recovery(),
            on_down=lambda error: self.told.append(str(error)),
            on_up=lambda _: self.told.append("up"),
        )
        self.settler = Settler(cast("Source", source), 30.0, outage, self._settled, lambda _: None)

    def _settled(self, batch: list[Settlement], results: list[bool]) -> None:
        assert all(results)
        assert len(batch) == len(results)
        self.settled += [settlement.lease.id for settlement in batch]

    def finish(self, first: int, jobs: int) -> None:
        leases = [Lease(f"j{n}", b"", 1, f"r{n}", "w0") for n in range(first, first + jobs)]
        self.settler.hold(leases, now_seconds())
        for lease in leases:
            self.settler.add(Ack(lease))


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage_module, "LONGEST_WAIT_SECONDS", 0.02)


@pytest.mark.parametrize("exact", [True, False], ids=["alone", "with its batch"])
async def test_what_is_refused_holds_nothing_up(exact: bool) -> None:
    source = Refusing({"j0", "j1", "j5"}, exact=exact)
    bench = Bench(source)
    running = asyncio.create_task(bench.settler.run())
    try:
        bench.finish(0, JOBS)
        await async_until(lambda: len(bench.settled) == JOBS - 3)
        assert bench.settler.held == 3
        tried = len(source.tried)
        await async_until(lambda: len(source.tried) > tried + 3)  # still
        bench.finish(JOBS, 1)
        await async_until(lambda: f"j{JOBS}" in bench.settled)
        assert bench.told == ["no right"], "once, however often it is refused and others pass"
        source.bad = set()
        await async_until(lambda: bench.settler.held == 0)
        assert sorted(bench.settled) == sorted(f"j{n}" for n in range(JOBS + 1))
        await async_until(lambda: bench.told == ["no right", "up"])
    finally:
        running.cancel()


async def test_everything_refused_is_tried_seldom() -> None:
    """No right at all: one try for each batch of new ones, and one a wait for the rest."""
    source = Refusing({f"j{n}" for n in range(JOBS)}, exact=False)
    bench = Bench(source)
    running = asyncio.create_task(bench.settler.run())
    try:
        bench.finish(0, JOBS)
        await async_until(lambda: source.calls >= 8)
        began, calls = asyncio.get_running_loop().time(), source.calls
        await async_until(lambda: source.calls >= calls + 10)
        assert asyncio.get_running_loop().time() - began >= 9 * 0.01, "half a wait at least"
        source.bad = set()
        await async_until(lambda: bench.settler.held == 0)
        assert bench.told == ["no right", "up"]
    finally:
        running.cancel()


async def test_an_outage_behind_a_refusal_is_waited_out() -> None:
    source = Refusing({"j0"}, exact=True)
    bench = Bench(source)
    running = asyncio.create_task(bench.settler.run())
    try:
        bench.finish(0, 2)
        await async_until(lambda: bench.settled == ["j1"])
        source.away = True
        bench.finish(2, 2)
        calls = source.calls
        await async_until(lambda: source.calls > calls + 3)
        assert bench.settler.held == 3
        source.away = False
        await async_until(lambda: bench.settled == ["j1", "j2", "j3"])
        assert bench.told == ["no right"]
        source.bad = set()
        await async_until(lambda: bench.told == ["no right", "up"])
    finally:
        running.cancel()


@pytest.mark.parametrize("passes", [True, False], ids=["granted", "refused"])
async def test_the_end_waits_for_what_was_refused(passes: bool) -> None:
    source = Refusing({"j0"}, exact=True)
    bench = Bench(source)
    running = asyncio.create_task(bench.settler.run())
    bench.finish(0, 2)
    await async_until(lambda: bench.settled == ["j1"])
    bench.settler.close()
    tried = len(source.tried)
    await async_until(lambda: len(source.tried) > tried)
    assert not running.done()
    if passes:
        source.bad = set()
        await asyncio.wait_for(running, 5.0)
        assert bench.settled == ["j1", "j0"]
    else:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert bench.settler.held == 1


def test_an_error_of_some_is_one_of_the_seam() -> None:
    """Whoever knows nothing of parts sees a refusal."""
    error: SockqError = SettlementRefused("no right", [None, True])
    assert isinstance(error, BackendRefused)
    assert str(error) == "no right"
