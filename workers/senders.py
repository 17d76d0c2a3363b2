"""What a worker sends with: the engine, and beside it calls of functions where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sockq.workers.delivery import Call
from sockq.workers.engine import Engine
from sockq.workers.lambda_calls import LambdaCalls
from sockq.workers.lane import Lane
from sockq.workers.request import Request


class Senders(Engine):
    """An engine that also calls functions.

    Attributes:
        calls: The way to functions; None until there is one to call.
    """

    calls: LambdaCalls | None = None

    def submit(self, request: Request) -> None:
        """Send a request, or make a call, as soon as its lane allows."""
        if type(request) is not Call:
            Engine.submit(self, request)
            return
        if self.calls is None:
            self.calls = LambdaCalls(self.settings, self.loop, self._began)
            self.calls.obey(self._disabled)
        self.calls.submit(request)

    def obey(self, disabled: Mapping[str, float]) -> None:
        """Begin nothing to these endpoints and functions; see ``Engine``."""
        super().obey(disabled)
        if self.calls is not None:
            self.calls.obey(disabled)

    @property
    def lanes(self) -> Mapping[str, Lane[Any]]:
        """All lanes that are remembered, by name."""
        return super().lanes if self.calls is None else {**super().lanes, **self.calls.lanes}

    @property
    def in_flight(self) -> int:
        """Requests and calls that have begun and not ended."""
        return super().in_flight + (0 if self.calls is None else self.calls.in_flight)

    @property
    def waiting(self) -> int:
        """Requests and calls submitted and not begun."""
        return super().waiting + (0 if self.calls is None else self.calls.waiting)

    @property
    def in_threads(self) -> int:
        """Requests that threads are at work for: connections on their way, and calls."""
        return self.opening + (0 if self.calls is None else self.calls.in_flight)

    def take_waiting(self) -> list[Request]:
        """Take back what has not begun; ``done`` is not called for it."""
        return [*super().take_waiting(), *(self.calls.take_waiting() if self.calls else ())]

    def abandon(self) -> list[Request]:
        """Wait for nothing that runs; ``done`` is not called for it. Some will have arrived."""
        return [*super().abandon(), *(self.calls.abandon() if self.calls else ())]

    async def close(self) -> None:
        """Close everything."""
        if self.calls is not None:
            self.calls.close()
        await super().close()

    def _began(self) -> None:
        self.fresh_count += 1  # a call uses none of the engine's open connections
