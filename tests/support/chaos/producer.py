"""The recording producer: offers jobs at a pace and writes down which were accepted, and when."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from redis.exceptions import RedisError
from support.chaos.writers import Writer
from support.until import until

from sockq.drivers.errors import BackendRefused, BackendUnavailable

T = TypeVar("T")

_TICK_SECONDS: Final = 0.05
_AWAY_SECONDS: Final = 0.1
_CALL_SECONDS: Final = 60.0
_PUT_SECONDS: Final = 10.0
#: The backend does not take it, or does not say whether it did.
_AWAY: Final = (
    RedisError,
    OSError,
    BackendUnavailable,
    BackendRefused,
    BotoCoreError,
    ClientError,
)

MakeJob = Callable[[str, int], bytes]


class Producer:
    """A producer in a thread of its own.

    Args:
        writer: Of the source.
        make: The bytes of a job, given its name and the number of its app.
        endpoints: Names of the endpoints; the job ``slow-7`` belongs to the app of ``slow``.

    Attributes:
        accepted: Name to the monotonic time of the offer, in the order of the queue.
        uncertain: Names whose writing failed.
    """

    def __init__(self, writer: Writer, make: MakeJob, endpoints: Sequence[str]) -> None:
        self.accepted: dict[str, float] = {}
        self.uncertain: set[str] = set()
        self._writer = writer
        self._make = make
        self._endpoints = list(endpoints)
        self._number = 0
        self._pacing: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def put(self, count: int, endpoint: str = "") -> list[str]:
        """Write jobs now; returns the names of those that were accepted.

        A connection that an outage has broken fails once more before there is a new one: then
        others are offered, for those may be known or not.

        Args:
            count: How many.
            endpoint: Whose; empty: the endpoints take turns.
        """
        return until(lambda: self._wait(self._offer(count, endpoint)), within=_PUT_SECONDS)

    def begin(self, rate: float, most: int = 0) -> None:
        """Write ``rate`` jobs a second from now on; ``most``: so many and no more."""

        async def start() -> None:
            self._pacing = asyncio.ensure_future(self._pace(rate, most))

        self._wait(start())

    def finish(self) -> None:
        """Wait until all jobs of a ``begin`` with an end are written."""

        async def ended() -> None:
            if self._pacing is not None:
                await self._pacing

        self._wait(ended())

    def end(self) -> None:
        """Write nothing more."""

        async def cancel() -> None:
            pacing, self._pacing = self._pacing, None
            if pacing is not None:
                pacing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await pacing

        self._wait(cancel())

    def close(self) -> None:
        """End it. Safe to call twice."""
        if self._loop.is_closed():
            return
        self.end()
        self._wait(self._writer.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_CALL_SECONDS)

    async def _pace(self, rate: float, most: int) -> None:
        began, written = time.monotonic(), 0
        while not most or written < most:
            due = int((time.monotonic() - began) * rate) + 1 - written
            if most:
                due = min(due, most - written)
            if due > 0:
                written += due  # also when it fails: an outage is no reason to catch up
                if not await self._offer(due, ""):
                    await asyncio.sleep(_AWAY_SECONDS)
            await asyncio.sleep(_TICK_SECONDS)

    async def _offer(self, count: int, endpoint: str) -> list[str]:
        jobs = []
        for _ in range(count):
            place = self._number % len(self._endpoints)
            if endpoint:
                place = self._endpoints.index(endpoint)
            name = f"{self._endpoints[place]}-{self._number}"
            self._number += 1
            jobs.append((name, self._make(name, place + 1)))
        offered = time.monotonic()
        names = [name for name, _ in jobs]
        # until the answer is there a job may be known or not: also when this is cancelled
        self.uncertain.update(names)
        try:
            await asyncio.shield(self._writer.write(jobs))
        except _AWAY:
            return []
        self.uncertain.difference_update(names)
        self.accepted.update(dict.fromkeys(names, offered))
        return names


def endpoint_of(name: str) -> str:
    """The path that a job of this name belongs to."""
    return "/" + name.rpartition("-")[0]
