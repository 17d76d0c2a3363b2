"""The driver for ``queue.driver = none``: no queue at all, and it says so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Lease, NewJob, Settlement
from sockq.drivers.job_mark import Marks
from sockq.drivers.source import DeadPage, Dialect, Driver, QueueStats, Source

NO_QUEUE = (
    "queue.driver is none, so there is no queue to put jobs in: "
    "set queue.driver (QUEUE_DRIVER) to memory or redis"
)


class NoneDriver(Driver):
    """Opens one source that never has a job."""

    def __init__(self) -> None:
        self.name = "none"
        self.sources: list[Source] = []

    async def open(self) -> None:
        """See ``Driver.open``; cannot fail."""
        self.sources = [NoneSource()]

    async def close(self) -> None:
        """See ``Driver.close``."""
        for source in self.sources:
            assert isinstance(source, NoneSource)
            source.close()


class NoneSource(Source):
    """Claims nothing, refuses what is enqueued, counts zero of everything."""

    def __init__(self) -> None:
        self.name = "none (queue.driver is none: nothing is delivered)"
        self.dialect: Dialect = "sockudo"
        self._closed = asyncio.Event()

    def close(self) -> None:
        """End the claims that wait; verbs raise BackendUnavailable from now on."""
        self._closed.set()

    async def claim(self, limit: int, wait_seconds: float, owner: str) -> list[Lease]:  # noqa: ARG002 - the seam's
        """Wait as long as asked, so that a worker's loop does not spin, and return nothing."""
        self._refuse_closed()
        try:
            async with asyncio.timeout(wait_seconds):
                await self._closed.wait()
        except TimeoutError:
            return []
        self._refuse_closed()
        return []

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """No lease is ours: False for each."""
        self._refuse_closed()
        return [False] * len(settlements)

    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:  # noqa: ARG002 - the seam's
        """No lease is ours: False for each."""
        self._refuse_closed()
        return [False] * len(leases)

    async def reclaim(self, owner: str | None, *, blamed: Marks = frozenset()) -> int:  # noqa: ARG002 - the seam's
        """Nobody holds anything."""
        self._refuse_closed()
        return 0

    async def stats(self) -> QueueStats:
        """Zeros."""
        self._refuse_closed()
        return QueueStats(ready=0, leased=0, delayed=0, dead=0, oldest_seconds=0.0)

    async def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float = 0.0) -> list[str]:  # noqa: ARG002 - the seam's
        """Refuse jobs.

        Raises:
            BackendRefused: always, unless there are none.
        """
        self._refuse_closed()
        if jobs:
            raise BackendRefused(NO_QUEUE)
        return []

    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:  # noqa: ARG002 - the seam's
        """No dead letters."""
        self._refuse_closed()
        return DeadPage([], None)

    async def replay(
        self,
        ids: Sequence[str],
        payloads: Mapping[str, bytes] | None = None,  # noqa: ARG002 - as the seam has it
    ) -> list[bool]:
        """There is no such dead letter: False for each."""
        self._refuse_closed()
        return [False] * len(ids)

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """There is no such dead letter: False for each."""
        self._refuse_closed()
        return [False] * len(ids)

    async def trim_dead(self, most: int, older_than_seconds: float) -> int:  # noqa: ARG002 - as the seam has it
        """There is nothing to trim."""
        self._refuse_closed()
        return 0

    def _refuse_closed(self) -> None:
        if self._closed.is_set():
            raise BackendUnavailable("queue.driver is none, and this driver is closed")
