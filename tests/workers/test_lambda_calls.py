"""Functions have lanes of their own: one that hangs or fails delays no other."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from support.lambda_server import Answer, Invoked, LambdaServer, refusal
from support.until import async_until

from sockq.workers.apps import FunctionTarget, Webhook
from sockq.workers.delivery import Call
from sockq.workers.lambda_calls import CALLS_AT_ONCE, GRACE_SECONDS, LambdaCalls
from sockq.workers.outcome import Fault, Outcome
from sockq.workers.settings import EngineSettings


@pytest.fixture
def server() -> Iterator[LambdaServer]:
    with LambdaServer() as started:
        yield started


class Probe(Call):
    """A call that notes its end."""

    __slots__ = ("outcomes",)

    overtaken = False

    @property
    def endpoint_id(self) -> str:
        return self.lane

    def __init__(self, server: LambdaServer, name: str, timeout_seconds: float = 5.0) -> None:
        keys = {"access_key_id": "a", "secret_access_key": "b"}
        function = FunctionTarget(name, endpoint_url=server.url, **keys)  # type: ignore[arg-type]
        self.webhook = Webhook("id", None, frozenset(), lane=name, function=function)
        self.lane = name
        self.timeout_seconds = timeout_seconds
        self.outcomes: list[Outcome] = []

    def wire_bytes(self) -> bytes:
        return b"{}"

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@asynccontextmanager
async def lanes(threads: int = 32) -> AsyncIterator[LambdaCalls]:
    made = LambdaCalls(EngineSettings(), asyncio.get_running_loop(), threads=threads)
    try:
        yield made
    finally:
        made.close()


def submit(calls: LambdaCalls, server: LambdaServer, name: str, count: int) -> list[Probe]:
    probes = [Probe(server, name) for _ in range(count)]
    for probe in probes:
        calls.submit(probe)
    return probes


def ended(probes: list[Probe]) -> bool:
    return all(probe.outcomes for probe in probes)


async def test_many_calls_all_end_once(server: LambdaServer) -> None:
    async with lanes() as calls:
        probes = submit(calls, server, "f", 100)
        assert not probes[0].outcomes, "never from within its own submission"
        await async_until(lambda: ended(probes), within=20)
        assert all([o.status for o in probe.outcomes] == [202] for probe in probes)
        assert (calls.in_flight, calls.waiting) == (0, 0)
        await async_until(lambda: not calls.lanes)


async def test_a_function_that_hangs_delays_no_other(server: LambdaServer) -> None:
    over = threading.Event()
    server.rule = lambda one: Answer(hold=over) if one.function == "slow" else Answer()
    async with lanes() as calls:
        slow = submit(calls, server, "slow", 60)
        await async_until(lambda: len(server.to("slow")) == CALLS_AT_ONCE)
        began = time.monotonic()
        quick = submit(calls, server, "quick", 20)
        await async_until(lambda: ended(quick), within=10)
        assert time.monotonic() - began < 4
        assert all(probe.outcomes[0].delivered for probe in quick)
        assert len(server.to("slow")) == calls.in_flight == CALLS_AT_ONCE
        # Nothing moves there: what cannot be held goes back to the queue, uncharged.
        await async_until(lambda: any(probe.outcomes for probe in slow), within=5)
        first = next(probe.outcomes[0] for probe in slow if probe.outcomes)
        assert first.parked_seconds >= 1.0
        over.set()


async def test_threads_that_all_hang_come_back(server: LambdaServer) -> None:
    over = threading.Event()
    server.rule = lambda one: Answer(hold=over) if one.function == "slow" else Answer()
    async with lanes(threads=2) as calls:
        slow = [Probe(server, "slow", timeout_seconds=0.3) for _ in range(2)]
        for probe in slow:
            calls.submit(probe)
        (quick,) = submit(calls, server, "quick", 1)
        assert (calls.in_flight, calls.waiting) == (2, 1)
        await async_until(lambda: quick.outcomes and ended(slow), within=10)
        over.set()
        assert quick.outcomes[0].delivered
        assert [probe.outcomes[0].fault for probe in slow] == [Fault.TIMEOUT] * 2


async def test_a_function_that_fails_is_left_alone(server: LambdaServer) -> None:
    server.rule = lambda _: refusal(500, "ServiceException")
    async with lanes() as calls:
        probes = submit(calls, server, "f", 50)
        await async_until(lambda: ended(probes), within=10)
        failed = [p for p in probes if p.outcomes[0].status == 500]
        parked = [p for p in probes if p.outcomes[0].parked_seconds]
        assert len(failed) + len(parked) == 50
        assert len(server.invoked) == len(failed) < 30, "the breaker opened"
        (late,) = submit(calls, server, "f", 1)
        await async_until(lambda: late.outcomes)
        assert late.outcomes[0].parked_seconds > 0


async def test_a_call_that_cannot_be_made_ends_and_stops_no_other(server: LambdaServer) -> None:
    class Broken(Probe):
        __slots__ = ()

        def wire_bytes(self) -> bytes:
            raise KeyError("hunter2")

    async with lanes() as calls:
        broken = Broken(server, "f")
        calls.submit(broken)
        (well,) = submit(calls, server, "f", 1)
        await async_until(lambda: broken.outcomes and well.outcomes)
        assert broken.outcomes == [Outcome(fault=Fault.INTERNAL, detail="KeyError")]
        assert well.outcomes[0].delivered
        assert (calls.in_flight, calls.waiting) == (0, 0)


async def test_an_answer_that_came_while_the_loop_stood_still_counts(
    server: LambdaServer,
) -> None:
    over = threading.Event()
    server.rule = lambda _: Answer(hold=over)
    async with lanes() as calls:
        probe = Probe(server, "f", timeout_seconds=1.0)
        calls.submit(probe)
        await async_until(lambda: server.invoked)
        over.set()
        time.sleep(1.0 + GRACE_SECONDS + 0.2)  # noqa: ASYNC251 - the loop is to stand still
        await async_until(lambda: probe.outcomes)
        assert probe.outcomes[0].delivered, probe.outcomes


async def test_throttling_pauses_the_lane(server: LambdaServer) -> None:
    server.rule = lambda _: refusal(429, "TooManyRequestsException", Retry_After="60")
    async with lanes() as calls:
        (first,) = submit(calls, server, "f", 1)
        await async_until(lambda: first.outcomes)
        assert first.outcomes[0].status == 429
        (second,) = submit(calls, server, "f", 1)
        await async_until(lambda: second.outcomes)
        assert second.outcomes[0].parked_seconds > 30


async def test_a_drain_takes_back_what_has_not_begun(server: LambdaServer) -> None:
    over = threading.Event()
    server.rule = lambda _: Answer(hold=over)
    async with lanes() as calls:
        probes = submit(calls, server, "f", CALLS_AT_ONCE + 3)
        await async_until(lambda: len(server.invoked) == CALLS_AT_ONCE)
        assert calls.take_waiting() == probes[CALLS_AT_ONCE:]
        left = calls.abandon()
        assert sorted(map(id, left)) == sorted(map(id, probes[:CALLS_AT_ONCE]))
        over.set()
        assert (calls.in_flight, calls.waiting) == (0, 0)
        await asyncio.sleep(0.1)
        assert not any(probe.outcomes for probe in probes), "done is called for none of them"


async def test_order_within_a_lane_and_turns_between_lanes(server: LambdaServer) -> None:
    seen: list[str] = []

    def note(one: Invoked) -> Answer:
        seen.append(one.function)
        return Answer()

    server.rule = note
    async with lanes(threads=1) as calls:
        probes = submit(calls, server, "a", 4) + submit(calls, server, "b", 4)
        await async_until(lambda: ended(probes), within=10)
    assert seen[:1] == ["a"]
    assert seen[1:7] in (["b", "a"] * 3, ["a", "b"] * 3)


async def test_a_disabled_function_is_not_called(server: LambdaServer) -> None:
    async with lanes() as calls:
        calls.obey({"off": time.monotonic()})
        off, on = submit(calls, server, "off", 3), submit(calls, server, "on", 3)
        await async_until(lambda: ended(off) and ended(on))
        assert all(probe.outcomes[0].disabled for probe in off)
        assert all(probe.outcomes[0].delivered for probe in on)
        calls.obey({})
        again = submit(calls, server, "off", 1)
        await async_until(lambda: ended(again))
        assert again[0].outcomes[0].delivered
