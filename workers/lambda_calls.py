"""Calls of Lambda functions: lanes as endpoints have them, each call in a thread.

boto3 blocks, so a call holds a thread until it ends. A function has a few at once and there are
enough threads for several that hang; what finds none waits in its lane, and is parked when nothing
moves. A call that is overdue ends for its job at once; its thread comes back with its sockets.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from sockq.workers.blocking import BlockingPool
from sockq.workers.delivery import Call
from sockq.workers.lambda_target import LambdaClients, call
from sockq.workers.lane import Lane
from sockq.workers.openings import LATE_SECONDS
from sockq.workers.outcome import Fault, Outcome
from sockq.workers.request import bytes_now
from sockq.workers.settings import EngineSettings

THREADS: Final = 64
CALLS_AT_ONCE: Final = 8
"""Of one function, at most; ``endpoint_in_flight`` when that is less."""

SWEEP_SECONDS: Final = 0.1
GRACE_SECONDS: Final = 0.5
"""The client's own time-outs say more; the sweep ends only what outlives them."""


@dataclass(slots=True, eq=False)
class _Running:
    lane: Lane[Call]
    request: Call
    started: float
    deadline: float
    over: bool = False


class LambdaCalls:
    """Sends calls. Has the verbs of ``Engine``; everything but the calls runs in ``loop``.

    Args:
        settings: Limits.
        loop: The loop it lives in.
        began: Called with each call that begins.
        threads: Calls at once, of all functions.
    """

    def __init__(
        self,
        settings: EngineSettings,
        loop: asyncio.AbstractEventLoop,
        began: Callable[[], None] = lambda: None,
        threads: int = THREADS,
    ) -> None:
        self.lanes: dict[str, Lane[Call]] = {}
        self._disabled: Mapping[str, float] = {}
        self._loop = loop
        self._began = began
        self._cap = min(settings.endpoint_in_flight, CALLS_AT_ONCE)
        self._clients = LambdaClients(settings.connect_timeout_seconds, threads)
        self._pool = BlockingPool(threads, "sockq-lambda")
        self._free = threads
        self._running: set[_Running] = set()
        self._waiting: deque[Lane[Call]] = deque()  # lanes with something to send, in turn
        self._chance: Callable[[], float] = random.random
        self._sweep: asyncio.TimerHandle | None = None
        self._swept_at = 0.0

    def submit(self, request: Call) -> None:
        """Call as soon as the lane allows. ``done`` comes once, never from within this."""
        lane = self.lanes.get(request.lane)
        if lane is None:
            lane = self.lanes[request.lane] = Lane(self._cap, request.endpoint_id)
            if self._disabled:
                lane.obey(self._disabled, time.monotonic())
        now = time.monotonic()
        if lane.shut_seconds(now) or not lane.may_wait():
            self._park(lane, request, now)
            return
        lane.waiting.append(request)
        self._queue(lane)
        self._pump(now)
        self._keep_time(now)

    def obey(self, disabled: Mapping[str, float]) -> None:
        """Begin nothing to these, and to all others again: by id, since when (monotonic)."""
        self._disabled = disabled
        now = time.monotonic()
        for lane in self.lanes.values():
            lane.obey(disabled, now)  # the sweep sees to what waits

    @property
    def in_flight(self) -> int:
        """Calls that have begun and not ended."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Calls submitted and not begun."""
        return sum(len(lane.waiting) for lane in self._waiting)

    def take_waiting(self) -> list[Call]:
        """Take back what has not begun; ``done`` is not called for it."""
        taken = [request for lane in self._waiting for request in lane.waiting]
        for lane in self._waiting:
            lane.waiting.clear()
        self._waiting.clear()
        return taken

    def abandon(self) -> list[Call]:
        """Wait for nothing that runs; ``done`` is not called for it. Some will have arrived."""
        left = [running.request for running in self._running]
        for running in self._running:
            running.over = True
            running.lane.busy -= 1
        self._running.clear()
        return left

    def close(self) -> None:
        """End everything; does not wait for threads."""
        self.take_waiting()
        self.abandon()
        if self._sweep is not None:
            self._sweep.cancel()
        self._pool.close()
        self._clients.close()

    # Inside

    def _queue(self, lane: Lane[Call]) -> None:
        if lane not in self._waiting:
            self._waiting.append(lane)

    def _pump(self, now: float) -> None:
        """Begin what may begin, a lane after the other."""
        blocked = 0
        while self._waiting and self._free and blocked < len(self._waiting):
            lane = self._waiting[0]
            self._waiting.rotate(-1)
            if not lane.waiting:
                self._waiting.remove(lane)
            elif lane.busy < lane.limit:
                self._start(lane, lane.waiting.popleft(), now)
                blocked = 0
            else:
                blocked += 1

    def _start(self, lane: Lane[Call], request: Call, now: float) -> None:
        payload = bytes_now(request, self._loop)
        if payload is None:
            return
        self._began()
        lane.busy += 1
        self._free -= 1
        seconds = request.timeout_seconds
        running = _Running(lane, request, now, now + seconds + GRACE_SECONDS)
        self._running.add(running)
        work = partial(call, self._clients, request.function, payload, seconds)
        self._pool.submit(work).add_done_callback(partial(self._returned, running))

    def _returned(self, running: _Running, answer: asyncio.Future[Outcome]) -> None:
        self._free += 1
        if running.over or answer.cancelled():
            self._pump(time.monotonic())
        else:
            self._end(running, answer.result())

    def _end(self, running: _Running, outcome: Outcome) -> None:
        now = time.monotonic()
        running.over = True
        self._running.discard(running)
        lane = running.lane
        lane.busy -= 1
        lane.ended(outcome, now, self._chance())
        self._after_change(lane, now)
        running.request.done(outcome)

    def _after_change(self, lane: Lane[Call], now: float) -> None:
        """Park what may not wait any more, start what may be started."""
        if lane.shut_seconds(now):
            requests, lane.waiting = lane.waiting, deque()
            for request in requests:
                self._park(lane, request, now)
        self._pump(now)

    def _park(self, lane: Lane[Call], request: Call, now: float) -> None:
        outcome = lane.parked(now, self._chance())
        self._loop.call_soon(request.done, outcome)  # not from within its own submission

    def _keep_time(self, now: float) -> None:
        if self._sweep is None:
            self._swept_at = now
            self._sweep = self._loop.call_later(SWEEP_SECONDS, self._on_sweep)

    def _on_sweep(self) -> None:
        self._sweep = None
        now = time.monotonic()
        elapsed, self._swept_at = now - self._swept_at, now
        late = elapsed - SWEEP_SECONDS
        if late > LATE_SECONDS:  # the process stood still: answers may be there, and are read first
            elapsed = SWEEP_SECONDS
            for running in self._running:
                running.deadline += late
        for running in [one for one in self._running if one.deadline <= now]:
            waited = now - running.started
            self._end(running, Outcome(fault=Fault.TIMEOUT, elapsed_seconds=waited))
        for lane in tuple(self._waiting):
            parked = [lane.waiting.pop() for _ in range(lane.watch(elapsed))]
            for request in reversed(parked):
                self._park(lane, request, now)
            self._after_change(lane, now)
        for name in [name for name, lane in self.lanes.items() if lane.clean(now)]:
            del self.lanes[name]
        if self._running or self._waiting:
            self._keep_time(now)
