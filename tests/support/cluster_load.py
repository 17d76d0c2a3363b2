"""Producers and workers on a cluster's queues while a test changes the cluster under them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError
from support.redis_cluster import RedisCluster

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import Ack, NewJob
from sockq.drivers.redis_client import Executor
from sockq.drivers.redis_cluster import RedisClusterDriver
from sockq.drivers.settings import LeaseSettings, RedisClusterSettings
from sockq.drivers.source import Source

_BATCH = 10
_PAUSE_SECONDS = 0.02


def payload(name: str) -> bytes:
    return json.dumps({"job": name}).encode()


class Load:
    """A producer, a worker and a janitor on one source, each in a task.

    Attributes:
        sent: Payloads that were enqueued without an error.
        kept: Those of them that a replica had when the master was asked.
        done: Payloads that the worker had, and how often.
        gaps: Errors that were met, with the time: all of them are ``BackendUnavailable``.
    """

    def __init__(self, cluster: RedisCluster, source: Source, janitor: Source) -> None:
        self.sent: set[bytes] = set()
        self.kept: set[bytes] = set()
        self.done: dict[bytes, int] = {}
        self.gaps: list[tuple[float, str]] = []
        self.produce = True
        self.tasks: list[asyncio.Task[None]] = []
        self._cluster = cluster
        self._owner: int | None = None
        self._source = source
        self._janitor = janitor
        tag = source.name.partition("{")[2].partition("}")[0] or source.name
        self._marker = f"{{{tag}}}:marker"
        self.slot = key_slot(self._marker.encode())

    def start(self) -> None:
        steps = (self.producer, self.worker, self.janitor)
        self.tasks = [asyncio.create_task(step()) for step in steps]

    def check(self) -> None:
        """Raise what ended a task."""
        for task in self.tasks:
            if task.done():
                task.result()

    async def producer(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            if not self.produce:
                continue
            batch = [payload(f"{self._source.name} {number + n}") for n in range(_BATCH)]
            number += _BATCH
            try:
                await self._source.enqueue([NewJob(one) for one in batch])
            except BackendUnavailable as error:
                self._gap(error)
                continue
            self.sent.update(batch)
            if await self._replicated():
                self.kept.update(batch)

    async def worker(self) -> None:
        while True:
            try:
                leases = await self._source.claim(16, 1.0, "owner-1")
            except BackendUnavailable as error:
                self._gap(error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            for lease in leases:
                self.done[lease.payload] = self.done.get(lease.payload, 0) + 1
            await self._settle([Ack(lease) for lease in leases])

    async def _settle(self, acks: list[Ack]) -> None:
        while acks:
            try:
                await self._source.settle(acks)
            except BackendUnavailable as error:
                self._gap(error)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    async def janitor(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            try:
                await self._janitor.reclaim(None)
            except BackendUnavailable as error:
                self._gap(error)

    async def empty(self) -> bool:
        """Whether nothing is left of what was kept, and nothing waits."""
        with contextlib.suppress(BackendUnavailable):
            stats = await self._janitor.stats()
            return not (stats.ready or stats.leased or stats.delayed)
        return False

    def _gap(self, error: BackendUnavailable) -> None:
        self.gaps.append((time.monotonic(), str(error)))

    async def _replicated(self) -> bool:
        """Whether a replica has everything that the master had taken when this was called."""
        if self._owner is None:
            try:
                self._owner = self._cluster.owner(self.slot).port
            except AssertionError:
                return False  # the nodes do not agree now
        plain: Executor = Redis(
            port=self._owner,
            single_connection_client=True,
            socket_timeout=1.0,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            await plain.execute_command("SET", self._marker, "1")
            return int(await plain.execute_command("WAIT", 1, 50)) >= 1
        except (RedisError, OSError):
            self._owner = None
            return False
        finally:
            await plain.aclose()


@asynccontextmanager
async def load_on(
    cluster: RedisCluster, settings: RedisClusterSettings
) -> AsyncIterator[list[Load]]:
    """Load on the list of older servers and on the queue of Sockudo 5 of one prefix and name."""
    drivers = [RedisClusterDriver(settings), RedisClusterDriver(settings)]
    for driver in drivers:
        await driver.open()
    loads = [
        Load(cluster, source, janitor)
        for source, janitor in zip(*(driver.sources for driver in drivers), strict=True)
        if "::queue:" in source.name or ":v2:" in source.name
    ]
    for load in loads:
        load.start()
    try:
        yield loads
        for load in loads:
            load.check()
    finally:
        tasks = [task for load in loads for task in load.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for driver in drivers:
            await driver.close()


def settings_on(
    cluster: RedisCluster, prefix: str, response_timeout_seconds: float = 5.0
) -> RedisClusterSettings:
    """Settings whose two queues have the same master, and short leases."""
    # Of different lengths: CRC16 is linear, so that equal ones may differ by a constant for ever.
    names = ("q" * n for n in range(1, 100))
    name = next(
        name
        for name in names
        if cluster.owner_of(f"{{{name}}}") is cluster.owner_of(f"{prefix}:queue:{name}")
    )
    return RedisClusterSettings(
        cluster.urls,
        prefix,
        name,
        response_timeout_seconds=response_timeout_seconds,
        lease=LeaseSettings(1.5),
    )
