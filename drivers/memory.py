"""The memory driver: a client of the broker process that the fleet keeps (``memory_broker``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sockq.drivers import memory_wire as wire
from sockq.drivers.batches import batches
from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Lease, NewJob, Settlement
from sockq.drivers.job_mark import Marks
from sockq.drivers.memory_client import Connection
from sockq.drivers.settings import MemorySettings
from sockq.drivers.source import DeadPage, Dialect, Driver, QueueStats, Source

RESPONSE_SECONDS = 5.0
#: Payload bytes of one enqueue message; more jobs take several, each atomic.
ENQUEUE_BYTES = 16 << 20
MAX_JOB_BYTES = 32 << 20

T = TypeVar("T")


class MemoryDriver(Driver):
    """Connects to the broker when opened, and again by itself when the broker is back."""

    def __init__(self, settings: MemorySettings) -> None:
        self.name = "memory"
        self.sources: list[Source] = []
        self._path = settings.socket_path

    async def open(self) -> None:
        """See ``Driver.open``."""
        source = MemorySource(self._path)
        try:
            await source.stats()
        except BaseException:
            source.close()
            raise
        self.sources = [source]

    async def close(self) -> None:
        """See ``Driver.close``."""
        for source in self.sources:
            assert isinstance(source, MemorySource)
            source.close()
        await asyncio.sleep(0)  # lets the loop close the sockets


class MemorySource(Source):
    """The only queue of a memory broker.

    Calls that are answered at once share one connection. A claim may wait, so each claim under way
    has a connection of its own; a cancelled one closes it, upon which the broker takes back what
    it may have sent.
    """

    def __init__(self, path: Path) -> None:
        self.name = "memory"
        self.dialect: Dialect = "sockudo"
        self._path = path
        self._closed = False
        self._shared: Connection | None = None
        self._connecting = asyncio.Lock()
        self._idle: list[Connection] = []
        self._claiming: set[Connection] = set()

    def close(self) -> None:
        """Close every connection; verbs raise BackendUnavailable from now on."""
        self._closed = True
        for connection in (self._shared, *self._idle, *self._claiming):
            if connection is not None:
                connection.close()

    async def claim(self, limit: int, wait_seconds: float, owner: str) -> list[Lease]:
        """See ``Source.claim``."""
        connection = await self._claim_connection()
        self._claiming.add(connection)
        try:
            leases = await connection.call(
                wire.ClaimCall(limit, wait_seconds, owner),
                list[Lease],
                wait_seconds + RESPONSE_SECONDS,
            )
            if leases:
                connection.confirm()
        except BaseException:
            connection.close()
            raise
        finally:
            self._claiming.discard(connection)
        self._idle.append(connection)
        return leases

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See ``Source.settle``."""
        if not settlements:
            return []
        call = wire.SettleCall([wire.ending(settlement) for settlement in settlements])
        return await self._call(call, list[bool])

    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:
        """See ``Source.extend``."""
        if not leases:
            return []
        call = wire.ExtendCall([lease.receipt for lease in leases], seconds)
        return await self._call(call, list[bool])

    async def reclaim(self, owner: str | None, *, blamed: Marks = frozenset()) -> int:
        """See ``Source.reclaim``."""
        return await self._call(wire.ReclaimCall(owner, sorted(blamed)), int)

    async def stats(self) -> QueueStats:
        """See ``Source.stats``; exact."""
        return await self._call(wire.StatsCall(), QueueStats)

    async def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float = 0.0) -> list[str]:
        """See ``Source.enqueue``. At least 16 MiB of jobs are one atomic step."""
        for job in jobs:
            if len(job.payload) > MAX_JOB_BYTES:
                raise BackendRefused(
                    f"a job of {len(job.payload)} bytes is too large for the memory queue: "
                    f"{MAX_JOB_BYTES} bytes are the limit"
                )
        ids: list[str] = []
        for batch in batches(jobs, size=lambda job: len(job.payload), most_bytes=ENQUEUE_BYTES):
            ids += await self._call(wire.EnqueueCall(batch, delay_seconds), list[str])
        return ids

    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        """See ``Source.dead_letters``."""
        return await self._call(wire.DeadLettersCall(cursor, limit), DeadPage)

    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """See ``Source.replay``."""
        if not ids:
            return []
        return await self._call(wire.ReplayCall(list(ids), dict(payloads or {})), list[bool])

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source.drop``."""
        return await self._call(wire.DropCall(list(ids)), list[bool]) if ids else []

    async def trim_dead(self, most: int, older_than_seconds: float) -> int:
        """See ``Source.trim_dead``."""
        return await self._call(wire.TrimDeadCall(most, older_than_seconds), int)

    async def _call(self, call: wire.Call, answer_type: type[T]) -> T:
        connection = await self._shared_connection()
        return await connection.call(call, answer_type, RESPONSE_SECONDS)

    async def _shared_connection(self) -> Connection:
        async with self._connecting:
            if self._shared is None or not self._shared.usable:
                self._shared = await self._open()
            return self._shared

    async def _claim_connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return await self._open()

    async def _open(self) -> Connection:
        self._refuse_closed()
        connection = await Connection.open(self._path)
        if self._closed:  # meanwhile
            connection.close()
            self._refuse_closed()
        return connection

    def _refuse_closed(self) -> None:
        if self._closed:
            raise BackendUnavailable(f"memory broker on {self._path}: this driver is closed")
