"""Requests for tests of the engine: each knows how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sockq.workers.endpoint import Endpoint, make_endpoint
from sockq.workers.engine import Engine
from sockq.workers.outcome import Outcome
from sockq.workers.request import Request

#: How late the end of an exchange may be seen on a machine with other things to do. The engine's
#: own exactness is 40 ms; without a deadline these exchanges would go on for ever.
SLACK_SECONDS = 1.0


class Post(Request):
    """A POST of ``body``.

    Attributes:
        outcomes: What ``done`` was called with; more than one is a bug.
        sent: How often its bytes were asked for.
        ended: Monotonic seconds of the end.
    """

    __slots__ = ("_then", "_waiter", "body", "ended", "outcomes", "sent")

    def __init__(
        self,
        url: str | Endpoint,
        *,
        lane: str = "",
        timeout: float = 5.0,
        body: bytes = b"{}",
        then: Callable[[Post], None] | None = None,
    ) -> None:
        self.endpoint = make_endpoint(url, {}) if isinstance(url, str) else url
        self.lane = lane or self.endpoint.url_key
        self.timeout_seconds = timeout
        self.body = body
        self.outcomes: list[Outcome] = []
        self.sent = 0
        self.ended = 0.0
        self._then = then
        self._waiter: asyncio.Future[Outcome] | None = None

    def wire_bytes(self) -> bytes:
        self.sent += 1
        length = b"Content-Length: %d\r\n\r\n" % len(self.body)
        return self.endpoint.static_head + length + self.body

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.ended = time.monotonic()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(outcome)
        if self._then is not None:
            self._then(self)

    async def end(self) -> Outcome:
        """Wait for the end."""
        if not self.outcomes:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        (outcome,) = self.outcomes
        return outcome


async def send(engine: Engine, post: Post) -> Outcome:
    """Submit and wait."""
    engine.submit(post)
    return await post.end()
