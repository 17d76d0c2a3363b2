"""A lane with its connections: hands each request to an idle one, opens more, ends what failed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

from sockq.workers.connect import Connected, ConnectFailure
from sockq.workers.exchange import Connection, make_connection
from sockq.workers.lane import Lane
from sockq.workers.opening import Interrupted, Opening
from sockq.workers.outcome import SUCCESS, Fault, Outcome
from sockq.workers.request import Request, bytes_now
from sockq.workers.settings import EngineSettings

#: Connections opened at once by a lane that never had one: black holes leave threads to others.
UNPROVEN_OPENINGS: Final = 2

#: An endpoint that serves its connections but refuses a further one is asked again after this.
REOPEN_SECONDS: Final = 1.0


class Hub(Protocol):
    """What a route needs of the engine.

    Attributes:
        loop, settings: As the engine's.
        connections: All that are open.
        waiting_routes: Those with requests that wait.
        chance: Random numbers, 0 <= chance < 1.
        opened_count: Connections opened, ever.
        fresh_count: Exchanges that had to wait for their connection to be opened, ever.
    """

    loop: asyncio.AbstractEventLoop
    settings: EngineSettings
    connections: set[Connection]
    waiting_routes: set[Route]
    chance: Callable[[], float]
    opened_count: int
    fresh_count: int

    def open(self, opening: Opening, request: Request) -> None:
        """Open a connection in a thread; ``route.opened`` is told."""

    def keep_time(self) -> None:
        """See that deadlines are watched."""


class Route(Lane[Request]):
    """See the module. All methods run in the loop.

    Attributes:
        idle: Open connections without an exchange, the last used last.
        open_count: Open connections.
        openings: Connections on their way, overdue ones included.
        unused_since: For the engine's housekeeping.
    """

    __slots__ = (
        "_hub", "_no_opening_until", "_opening_soon", "_proven", "_pump_due", "idle", "open_count",
        "openings", "unused_since",
    )  # fmt: skip

    def __init__(self, hub: Hub, endpoint_id: str = "") -> None:
        super().__init__(hub.settings.endpoint_in_flight, endpoint_id)
        self._hub = hub
        self._proven = False
        self._no_opening_until = 0.0
        self._opening_soon = False
        self._pump_due = False
        self.idle: list[Connection] = []
        self.open_count = 0
        self.openings: set[Opening] = set()
        self.unused_since = time.monotonic()

    def submit(self, request: Request) -> None:
        """Take a request: let it wait for the end of this turn of the loop, or park it."""
        if not self.calm or len(self.waiting) >= self.cap:
            now = time.monotonic()
            if self.shut_seconds(now) or not self.may_wait():
                self._park(request, now)
                return
        self.waiting.append(request)
        self._hub.waiting_routes.add(self)
        if self.busy < self.limit:
            self._pump_soon()

    def pump(self, now: float) -> None:
        """Send what may be sent; open connections for what may not yet."""
        waiting = self.waiting
        while waiting and self.idle and self.busy < self.limit:
            request = waiting.popleft()
            self._start(self.idle.pop(), request, now, now + request.timeout_seconds)
        if waiting and self.busy < self.limit and not self._opening_soon:
            # Not at once: what is submitted together is counted, and waits, together.
            self._opening_soon = True
            self._hub.loop.call_soon(self._open_wanted)

    # Told by connections

    def exchange_over(
        self, connection: Connection, request: Request, outcome: Outcome, now: float
    ) -> None:
        """Account for it, see to the next one, then tell the request."""
        if outcome.status in SUCCESS:
            self.succeeded(now)
        else:
            self.ended(outcome, now, self._hub.chance())
        self.busy -= 1
        if connection.closed:
            self._forget(connection)
        else:
            connection.idle_since = now
            self.idle.append(connection)
        if self.waiting:
            if self.calm:
                self._pump_soon()
            else:
                self._after_change(now)
        request.done(outcome)

    def exchange_stale(self, connection: Connection, request: Request, deadline: float) -> None:
        """Try once more on a new connection, within the same deadline; ``busy`` stays as it is."""
        self._forget(connection)
        again = Interrupted(request, connection.started, deadline)
        self._open(time.monotonic(), again)

    def exchange_dropped(self, connection: Connection) -> None:
        """Forget a connection that was busy."""
        self.busy -= 1
        self._forget(connection)

    def idle_lost(self, connection: Connection) -> None:
        """Forget a connection."""
        self.idle.remove(connection)
        self._forget(connection)

    # Told by the engine

    def opened(self, opening: Opening, result: Connected | ConnectFailure) -> None:
        """Use a new connection, or end the requests that waited for it in vain."""
        self.openings.discard(opening)
        now = time.monotonic()
        if isinstance(result, ConnectFailure):
            if opening.overdue:
                self._after_change(now)
            else:
                self._opening_failed(opening, result.fault, result.detail, now)
            return
        hub = self._hub
        self._proven = True
        connection = make_connection(hub.loop, result, self, hub.settings.response_limit_bytes)
        hub.connections.add(connection)
        hub.opened_count += 1
        self.open_count += 1
        again = opening.second_try
        if again is not None and not opening.overdue:
            self.busy -= 1
            hub.fresh_count += 1
            self._start(connection, again.request, again.started, again.deadline)
        elif self.waiting and self.busy < self.limit:
            request = self.waiting.popleft()
            waited = not opening.overdue and any(request is early for early in opening.waited)
            started = max(now - result.seconds, opening.started) if waited else now
            hub.fresh_count += 1
            self._start(connection, request, started, started + request.timeout_seconds)
        else:
            self.idle.append(connection)
        self._after_change(now)

    def overdue(self, opening: Opening, now: float) -> None:
        """End what waited for a connection that did not come in time. Its thread may yet return."""
        opening.overdue = True
        self._opening_failed(opening, Fault.TIMEOUT, "no connection in time", now)

    def watch_waiting(self, now: float, elapsed_seconds: float) -> None:
        """Look after what waits: called a few times a second while something does."""
        extra = self.watch(elapsed_seconds)
        if self.stalled and not self.open_count and all(o.overdue for o in self.openings):
            extra = len(self.waiting)  # threads hang: nothing that could end these is under way
        parked = [self.waiting.pop() for _ in range(extra)]
        for request in reversed(parked):
            self._park(request, now)
        if self.waiting:
            self._after_change(now)
        else:
            self._hub.waiting_routes.discard(self)

    def unused(self, now: float) -> bool:
        """Whether it has nothing to do and nothing open."""
        if self.busy or self.waiting or self.open_count or self.openings:
            self.unused_since = now
            return False
        return True

    # Inside

    def _pump_soon(self) -> None:
        """Send at the end of this turn of the loop.

        What is sent back to back wakes the other side once. Sent one by one between other work,
        each request would find it asleep, and waking it is the dearest part of a request.
        """
        if not self._pump_due:
            self._pump_due = True
            self._hub.loop.call_soon(self._pump_now)

    def _pump_now(self) -> None:
        self._pump_due = False
        self.pump(time.monotonic())

    def _start(
        self, connection: Connection, request: Request, started: float, deadline: float
    ) -> None:
        data = bytes_now(request, self._hub.loop)
        if data is None:
            self.idle.append(connection)
            return
        self.busy += 1
        connection.start(request, data, started, deadline)

    def _open_wanted(self) -> None:
        self._opening_soon = False
        now = time.monotonic()
        if now < self._no_opening_until:
            return
        coming = sum(not o.overdue and o.second_try is None for o in self.openings)
        wanted = min(len(self.waiting), self.limit - self.busy) - coming - len(self.idle)
        at_once = self.cap if self._proven else UNPROVEN_OPENINGS
        for _ in range(min(wanted, at_once - len(self.openings))):
            self._open(now)

    def _forget(self, connection: Connection) -> None:
        self.open_count -= 1
        self._hub.connections.discard(connection)

    def _after_change(self, now: float) -> None:
        """Park what may not wait any more, start what may be started."""
        if self.shut_seconds(now):
            requests, self.waiting = self.waiting, deque()
            for request in requests:
                self._park(request, now)
        else:
            self.pump(now)

    def _park(self, request: Request, now: float) -> None:
        """Not from within its own submission."""
        self._hub.loop.call_soon(request.done, self.parked(now, self._hub.chance()))

    def _open(self, now: float, again: Interrupted | None = None) -> None:
        hub = self._hub
        bound = now + hub.settings.connect_timeout_seconds
        if again is None:
            waited = tuple(islice(self.waiting, self.limit - self.busy))
            deadline = min(bound, now + min(request.timeout_seconds for request in waited))
        else:
            waited, deadline = (), min(bound, again.deadline)
        opening = Opening(self, now, deadline, waited, again)
        self.openings.add(opening)
        self.unused_since = now
        hub.open(opening, waited[0] if again is None else again.request)
        hub.keep_time()

    def _opening_failed(self, opening: Opening, fault: Fault, detail: str, now: float) -> None:
        """End requests: when the time is used up, all who waited for it from the start.

        A quick refusal answers one of them only; the breaker opens soon enough, and parks the rest
        without charging them. While other connections work they serve what waits.
        """
        failed: list[tuple[Request, float]] = []
        again = opening.second_try
        if again is not None:
            self.busy -= 1
            failed.append((again.request, again.started))
        elif self.open_count:
            self._no_opening_until = now + REOPEN_SECONDS
        else:
            most = len(opening.waited) if fault is Fault.TIMEOUT else 1
            early = {id(request) for request in opening.waited}
            while self.waiting and id(self.waiting[0]) in early and len(failed) < most:
                failed.append((self.waiting.popleft(), opening.started))
        if failed or not self.open_count:
            self.failed(now, self._hub.chance(), max(1, len(failed)))
        self._after_change(now)
        for request, started in failed:
            request.done(Outcome(fault=fault, detail=detail, elapsed_seconds=now - started))
