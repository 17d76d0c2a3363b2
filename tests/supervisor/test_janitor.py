"""The janitor against a driver that can be taken away: nothing is forgotten, nothing ends it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from support.until import async_until

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job_mark import Marks
from sockq.drivers.settings import NoneSettings
from sockq.drivers.source import Driver, QueueStats
from sockq.supervisor import board_words as words
from sockq.supervisor.board_snapshot import take
from sockq.supervisor.fleet import JanitorContext
from sockq.supervisor.janitor import _Janitor
from sockq.workers import exits
from sockq.workers.board_memory import Board


@dataclass
class FakeSource:
    """Jobs held per owner; ``fault`` is what every verb raises."""

    name: str
    held: dict[str, int] = field(default_factory=dict)
    fault: Exception | None = None
    swept: int = 0
    blamed: dict[str, Marks] = field(default_factory=dict)

    async def reclaim(self, owner: str | None, *, blamed: Marks = frozenset()) -> int:
        if self.fault is not None:
            raise self.fault
        if owner is None:
            self.swept += 1
            return 0
        self.blamed[owner] = blamed
        left = self.held.get(owner, 0)
        step = min(2, left)
        self.held[owner] = left - step
        return step

    async def stats(self) -> QueueStats:
        if self.fault is not None:
            raise self.fault
        return QueueStats(ready=3, leased=sum(self.held.values()), oldest_seconds=1.5, evicted=2)


class FakeDriver:
    """Not the seam's whole contract: what the janitor uses of it."""

    name = "fake"

    def __init__(self, sources: Sequence[FakeSource], fault: Exception | None = None) -> None:
        self.sources = list(sources)
        self.fault = fault
        self.closed = False

    async def open(self) -> None:
        if self.fault is not None:
            raise self.fault

    async def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self, driver: FakeDriver) -> None:
        self.board = Board.create(slots=1)
        self.ours, theirs = socket.socketpair()
        self.ours.settimeout(0.0)
        theirs.settimeout(0.0)
        self.theirs = theirs
        context = JanitorContext(NoneSettings(), self.board, theirs)
        self.janitor = _Janitor(context, cast("Driver", driver))
        self.task = asyncio.ensure_future(self.janitor.run())
        self.said: list[dict[str, Any]] = []

    def tell(self, *owners: str, blamed: Sequence[str] = ()) -> None:
        lines = [json.dumps({"reclaim": owner, "blamed": blamed}) for owner in owners]
        self.ours.sendall("".join(line + "\n" for line in lines).encode())

    def hears(self) -> list[dict[str, Any]]:
        try:
            received = self.ours.recv(65536)
        except BlockingIOError:
            received = b""
        self.said += [json.loads(line) for line in received.splitlines()]
        return self.said

    async def end(self) -> int:
        self.ours.shutdown(socket.SHUT_WR)
        return await asyncio.wait_for(self.task, 5.0)

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


Begin = Callable[[FakeDriver], Bench]


@pytest.fixture
def begin() -> Iterator[Begin]:
    benches: list[Bench] = []

    def start(driver: FakeDriver) -> Bench:
        benches.append(Bench(driver))
        return benches[-1]

    yield start
    for bench in benches:
        bench.close()


@pytest.fixture
def sources() -> list[FakeSource]:
    return [FakeSource("a", {"w": 5, "v": 1}), FakeSource("b", {"w": 3})]


async def test_a_dead_owner_gets_everything_back_from_every_source(
    begin: Begin, sources: list[FakeSource]
) -> None:
    bench = begin(FakeDriver(sources))
    bench.tell("w", "nobody")
    await async_until(lambda: {"reclaimed": "nobody", "jobs": 0} in bench.hears())
    assert bench.said[:2] == [{"ready": True}, {"reclaimed": "w", "jobs": 8}]
    assert bench.board.queue[words.QUEUE_RECLAIMED] == 8
    assert await bench.end() == exits.OK


async def test_the_sources_are_told_who_is_blamed(begin: Begin, sources: list[FakeSource]) -> None:
    bench = begin(FakeDriver(sources))
    bench.tell("drained")
    bench.tell("crashed", blamed=["0e", "0f"])
    await async_until(lambda: {"reclaimed": "crashed", "jobs": 0} in bench.hears())
    for source in sources:
        assert source.blamed == {"drained": frozenset(), "crashed": {"0e", "0f"}}
    assert await bench.end() == exits.OK


async def test_it_samples_the_sum_of_all_sources(begin: Begin, sources: list[FakeSource]) -> None:
    bench = begin(FakeDriver(sources))
    await async_until(lambda: take(bench.board).queue.sampled_seconds is not None)
    queue = take(bench.board).queue
    assert (queue.ready, queue.leased, queue.delayed, queue.dead) == (6, 9, None, None)
    assert (queue.oldest_seconds, queue.evicted) == (1.5, 4)
    assert [one["name"] for one in queue.sources] == ["a", "b"]
    assert sources[0].swept == sources[1].swept == 1
    assert await bench.end() == exits.OK


async def test_an_outage_is_a_state_and_pending_owners_wait_it_out(
    begin: Begin, sources: list[FakeSource]
) -> None:
    bench = begin(FakeDriver(sources))
    await async_until(lambda: {"ready": True} in bench.hears())
    sources[0].fault = BackendUnavailable("gone")
    bench.tell("w")
    await async_until(lambda: take(bench.board).queue.backend_down_seconds is not None)
    assert not bench.task.done()
    sources[0].fault = None
    await async_until(lambda: {"reclaimed": "w", "jobs": 8} in bench.hears())
    await async_until(lambda: take(bench.board).queue.backend_down_seconds is None)
    assert await bench.end() == exits.OK


async def test_one_source_that_is_away_holds_up_no_other(
    begin: Begin, sources: list[FakeSource]
) -> None:
    """On a cluster they may stand on several masters."""
    bench = begin(FakeDriver(sources))
    await async_until(lambda: {"ready": True} in bench.hears())
    sources[0].fault = BackendUnavailable("gone")
    swept = sources[1].swept
    bench.tell("w")
    await async_until(lambda: sources[1].held["w"] == 0 and sources[1].swept > swept)
    assert sources[0].held["w"] == 5
    sources[0].fault = None
    await async_until(lambda: {"reclaimed": "w", "jobs": 8} in bench.hears())
    assert bench.board.queue[words.QUEUE_RECLAIMED] == 8
    assert await bench.end() == exits.OK


async def test_what_it_was_told_last_is_done_before_it_ends(
    begin: Begin, sources: list[FakeSource]
) -> None:
    driver = FakeDriver(sources)
    bench = begin(driver)
    await async_until(lambda: {"ready": True} in bench.hears())
    bench.tell("w", "v")
    assert await bench.end() == exits.OK
    assert {"reclaimed": "v", "jobs": 1} in bench.hears()
    assert driver.closed


@pytest.mark.parametrize(
    ("fault", "code"), [(BackendUnavailable("no server at x"), 75), (BackendRefused("no"), 78)]
)
async def test_a_start_that_fails_is_one_line_and_its_code(
    begin: Begin, fault: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = begin(FakeDriver([], fault))
    assert await asyncio.wait_for(bench.task, 5.0) == code
    assert capsys.readouterr().err == f"sockq: {fault}\n"
    assert bench.hears() == []


async def test_a_fault_of_its_own_ends_it_loudly(begin: Begin, sources: list[FakeSource]) -> None:
    sources[0].fault = RuntimeError("bug")
    bench = begin(FakeDriver(sources))
    with pytest.raises(RuntimeError, match="bug"):
        await asyncio.wait_for(bench.task, 5.0)
