"""Connections on their way: threads open them, the loop is told.

A process that is frozen (stopped, or its machine is) opens nothing meanwhile. That is no fault of
the endpoint: what was on its way gets that time back, and one more try if it failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from sockq.workers.connect import Connected, ConnectFailure, Connector
from sockq.workers.endpoint import Endpoint
from sockq.workers.opening import Opening

LATE_SECONDS: Final = 0.1
"""A loop later than this stood still."""

Result = Connected | ConnectFailure


class Openings:
    """Those of an engine. Everything but the opening itself runs in ``loop``.

    Args:
        loop: The engine's.
        connector: Opens them.
        awaited: When the loop was to look at its clock next, monotonic seconds.
        opened: Called once for each with what came of it, unless it is closed before.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connector: Connector,
        awaited: Callable[[], float],
        opened: Callable[[Opening, Result], None],
    ) -> None:
        self._loop = loop
        self._connector = connector
        self._awaited = awaited
        self._opened = opened
        self._under_way: dict[Opening, Endpoint] = {}
        self._given_at = 0.0
        self._closed = False

    def __len__(self) -> int:
        return len(self._under_way)

    def __iter__(self) -> Iterator[Opening]:
        return iter(self._under_way)

    def begin(self, opening: Opening, endpoint: Endpoint) -> None:
        """Open one in a thread."""
        self._under_way[opening] = endpoint
        self._connector.open(endpoint, opening.deadline, partial(self._give, opening))

    def give_time(self, now: float) -> None:
        """Give back to all the time for which the loop stood still; the same time only once."""
        since = max(self._awaited(), self._given_at)
        if now - since > LATE_SECONDS:
            self._given_at = now
            for opening in self._under_way:
                opening.give_time(now - max(since, opening.started))

    def close(self) -> None:
        """Tell of none any more; what still comes is closed. Does not wait for the threads."""
        self._closed = True
        self._connector.close()

    def _give(self, opening: Opening, result: Result) -> None:
        """In a thread: hand a result to the loop, if there still is one."""
        try:
            self._loop.call_soon_threadsafe(self._take, opening, result)
        except RuntimeError:
            if isinstance(result, Connected):
                result.sock.close()

    def _take(self, opening: Opening, result: Result) -> None:
        now = time.monotonic()
        self.give_time(now)  # a thread may be awake before the loop's own clock
        endpoint = self._under_way.pop(opening)
        if self._closed:
            if isinstance(result, Connected):
                result.sock.close()
        elif (
            isinstance(result, ConnectFailure)
            and opening.stood_still
            and not opening.overdue
            and opening.deadline > now
        ):
            opening.stood_still = False
            self.begin(opening, endpoint)
        else:
            self._opened(opening, result)
