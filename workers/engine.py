"""The delivery engine: many exchanges with many endpoints at once, on one loop.

Submitted requests go to the lane of their endpoint (``route.py``). The engine itself keeps the time
for all of them: one timer, which runs only while something is in flight, ends what is overdue.
"""

from __future__ import annotations

import asyncio
import random
import resource
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final

from sockq.workers.connect import Connected, ConnectFailure, Connector
from sockq.workers.exchange import Connection
from sockq.workers.lane import Lane
from sockq.workers.opening import Interrupted, Opening
from sockq.workers.openings import LATE_SECONDS, Openings
from sockq.workers.proxy import Proxies
from sockq.workers.request import Request
from sockq.workers.route import Route
from sockq.workers.settings import EngineSettings
from sockq.workers.wire import NEVER

SWEEP_SECONDS: Final = 0.04
"""How exact deadlines are."""

UNREAD_SECONDS: Final = 0.25
"""The loop has this long to read what came while a connection was muted."""

MAX_AGE_SECONDS: Final = 60.0
"""Connections are renewed after this, so that a name that moves is followed."""

FORGET_SECONDS: Final = 600.0
"""A lane whose breaker remembers failures is forgotten when it is unused for this long."""


class Engine:
    """Sends requests. Not thread-safe: everything runs in ``loop``.

    Args:
        settings: Limits.
        loop: The loop it lives in.
        tls: For ``https``; by default the system's certificates, names checked, TLS 1.2 or newer.
        proxies: By default the environment's.
        idle_limit: Connections beyond which idle ones are closed; by default a quarter of the
            process's limit of open files, 1,024 at most.

    Attributes:
        loop, settings, connections, waiting_routes, chance, opened_count, fresh_count: See
            ``route.Hub``.
    """

    def __init__(
        self,
        settings: EngineSettings,
        loop: asyncio.AbstractEventLoop,
        *,
        tls: ssl.SSLContext | None = None,
        proxies: Proxies | None = None,
        idle_limit: int | None = None,
    ) -> None:
        self.settings = settings
        self.loop = loop
        self.connections: set[Connection] = set()
        self.waiting_routes: set[Route] = set()
        self.chance: Callable[[], float] = random.random
        self.opened_count = self.fresh_count = 0
        self._routes: dict[str, Route] = {}
        self._disabled: Mapping[str, float] = {}
        connector = Connector(settings.connect_threads, tls, proxies)
        self._openings = Openings(loop, connector, lambda: self._sweep_due, self._opened)
        self._idle_limit = _idle_limit() if idle_limit is None else idle_limit
        self._sweep: asyncio.TimerHandle | asyncio.Handle | None = None
        self._sweep_due = self._swept_at = 0.0
        self._tidying: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def lanes(self) -> Mapping[str, Lane[Request]]:
        """All lanes that are remembered, by name."""
        return self._routes

    def submit(self, request: Request) -> None:
        """Send a request as soon as its lane allows.

        Its ``done`` is called once, from the loop and never before this returns unless the send
        itself fails: with what became of the exchange, or parked when its lane is open, paused or
        makes no progress.
        """
        route = self._routes.get(request.lane)
        if route is None:
            route = self._routes[request.lane] = Route(self, request.endpoint_id)
            if self._disabled:
                route.obey(self._disabled, time.monotonic())
        route.submit(request)
        if self._sweep is None:
            self.keep_time()

    def obey(self, disabled: Mapping[str, float]) -> None:
        """Begin nothing to these endpoints from now on, and to all others again.

        What runs goes on; what waits for them is parked by the next sweep.

        Args:
            disabled: By id (``EndpointRow.id``); since when, monotonic seconds.
        """
        self._disabled = disabled
        now = time.monotonic()
        for route in self._routes.values():
            route.obey(disabled, now)

    @property
    def in_flight(self) -> int:
        """Exchanges that have begun and not ended."""
        sending = sum(connection.request is not None for connection in self.connections)
        return sending + len(self._second_tries())

    @property
    def waiting(self) -> int:
        """Requests submitted and not yet sent."""
        return sum(len(route.waiting) for route in self.waiting_routes)

    @property
    def oldest_deadline(self) -> float | None:
        """The earliest deadline (monotonic seconds) of what is in flight, or None."""
        deadlines = [connection.deadline for connection in self.connections]
        deadlines += [again.deadline for again in self._second_tries()]
        earliest = min(deadlines, default=NEVER)
        return None if earliest == NEVER else earliest

    @property
    def opening(self) -> int:
        """Connections on their way: threads are at work for their requests."""
        return len(self._openings)

    def mute(self) -> None:
        """Read no answer to what is on the wire now, and end none of it, until ``unmute``."""
        for connection in self.connections:
            if connection.request is not None:
                connection.mute()

    def unmute(self) -> None:
        """Read again. What came meanwhile counts, however late it is read."""
        unread_until = time.monotonic() + UNREAD_SECONDS
        for connection in self.connections:
            if connection.muted:
                connection.unmute()
                connection.deadline = max(connection.deadline, unread_until)

    def take_waiting(self) -> list[Request]:
        """Take back everything that was not sent yet, in the order of each lane.

        Returns:
            The requests; ``done`` is not called for them.
        """
        taken: list[Request] = []
        for route in self.waiting_routes:
            taken.extend(route.waiting)
            route.waiting.clear()
        self.waiting_routes.clear()
        return taken

    def abandon(self) -> list[Request]:
        """Close the connections of everything in flight.

        Returns:
            The requests; ``done`` is not called for them. Some may have been delivered.
        """
        left: list[Request] = []
        for connection in tuple(self.connections):
            request = connection.close()
            if request is not None:
                left.append(request)
                connection.owner.exchange_dropped(connection)
            else:
                connection.owner.idle_lost(connection)
        for opening in self._openings:
            if opening.second_try is not None and not opening.overdue:
                opening.overdue = True
                left.append(opening.second_try.request)
                opening.route.busy -= 1
        return left

    async def close(self) -> None:
        """Close everything. What waits or is in flight is dropped without a word: take it first."""
        self._closed = True
        self.take_waiting()
        self.abandon()
        for timer in (self._sweep, self._tidying):
            if timer is not None:
                timer.cancel()
        self._routes.clear()
        self._openings.close()
        await asyncio.sleep(0)  # results that threads have just handed over are closed

    # For routes

    def open(self, opening: Opening, request: Request) -> None:
        """Open a connection in a thread, after making room for it."""
        self._make_room()
        request.connecting()
        self._openings.begin(opening, request.endpoint)
        if self._tidying is None:
            self._tidy_later()

    def keep_time(self) -> None:
        """Start the sweep unless it runs."""
        if self._sweep is None and not self._closed:
            self._swept_at = now = time.monotonic()
            self._sweep_due = now + SWEEP_SECONDS
            self._sweep = self.loop.call_later(SWEEP_SECONDS, self._on_sweep)

    # Inside

    def _opened(self, opening: Opening, result: Connected | ConnectFailure) -> None:
        opening.route.opened(opening, result)
        self.keep_time()

    def _second_tries(self) -> list[Interrupted]:
        tries = [o.second_try for o in self._openings if not o.overdue]
        return [again for again in tries if again is not None]

    def _on_sweep(self) -> None:
        now = time.monotonic()
        if now - self._sweep_due > LATE_SECONDS:  # unread answers are to be read first
            self._openings.give_time(now)
            self._sweep_due = now
            self._swept_at = now - SWEEP_SECONDS  # time that stood still is nobody's stall
            self._sweep = self.loop.call_soon(self._on_sweep)
            return
        elapsed, self._swept_at = now - self._swept_at, now
        try:
            self._end_overdue(now)
            for route in tuple(self.waiting_routes):
                route.watch_waiting(now, elapsed)
        finally:  # whatever a request does with its end, the others' time is kept
            self._sweep = None
            if (
                self.waiting_routes
                or any(not o.overdue for o in self._openings)
                or any(c.deadline < NEVER for c in self.connections)
            ):
                self.keep_time()

    def _end_overdue(self, now: float) -> None:
        for connection in [c for c in self.connections if c.deadline <= now and not c.muted]:
            if connection.deadline <= now:  # an earlier one's end may have changed it
                connection.expire(now)
        for opening in [o for o in self._openings if o.deadline <= now and not o.overdue]:
            opening.route.overdue(opening, now)

    def _make_room(self) -> None:
        """Close the longest idle connections when there are too many; an eighth at a time."""
        if len(self.connections) + len(self._openings) < self._idle_limit:
            return
        idle = [c for c in self.connections if c.request is None]
        idle.sort(key=lambda connection: connection.idle_since)
        for connection in idle[: max(1, self._idle_limit // 8)]:
            _close_idle(connection)

    def _tidy_later(self) -> None:
        wait = min(max(self.settings.idle_seconds / 4, 0.05), 5.0)
        self._tidying = self.loop.call_later(wait, self._tidy)

    def _tidy(self) -> None:
        """Close what is idle or old, forget lanes that need no memory."""
        now = time.monotonic()
        for connection in tuple(self.connections):
            old = now - connection.opened_at > MAX_AGE_SECONDS
            if connection.request is not None:
                connection.retired |= old
            elif old or now - connection.idle_since >= self.settings.idle_seconds:
                _close_idle(connection)
        for name, route in tuple(self._routes.items()):
            if route.unused(now) and (
                route.clean(now) or now - route.unused_since > FORGET_SECONDS
            ):
                del self._routes[name]
        self._tidying = None
        if self._routes or self.connections:
            self._tidy_later()


def _close_idle(connection: Connection) -> None:
    connection.close()
    connection.owner.idle_lost(connection)


def _idle_limit() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(1024, files // 4)) if files > 0 else 1024
