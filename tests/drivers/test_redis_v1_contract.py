"""The contract on a Sockudo v1 list: on a server with ``#!lua`` and on an old one."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from functools import cached_property

import pytest
from drivers.contract import MakeDriver, SourceContract  # noqa: TID251 - tests/drivers
from support.redis_server import RedisServer

from sockq.drivers.redis import RedisDriver
from sockq.drivers.settings import LeaseSettings, RedisSettings
from sockq.drivers.source import Driver, Source


class OnRedis(SourceContract):
    """What the list cannot do: it has no room for ids."""

    explicit_ids = False
    enqueue_knows_ids = False

    @cached_property
    def start_ms(self) -> int:
        """When the test began."""
        return time.time_ns() // 1_000_000

    @pytest.fixture
    def server(self, redis_server: RedisServer) -> RedisServer:
        return redis_server

    @pytest.fixture
    async def make_driver(
        self, server: RedisServer, redis_prefix: str
    ) -> AsyncIterator[MakeDriver]:
        opened: list[Driver] = []

        async def make(*, lease_seconds: float = 30.0) -> Driver:
            lease = LeaseSettings(lease_seconds)
            driver = RedisDriver(RedisSettings(server.url, redis_prefix, lease=lease))
            opened.append(driver)
            await driver.open()
            return driver

        yield make
        for driver in opened:
            await driver.close()

    def source_of(self, driver: Driver) -> Source:
        return next(source for source in driver.sources if "::queue:" in source.name)

    def payload(self, n: int, size_bytes: int = 0) -> bytes:
        # The only time that a job carries is the server's own.
        job = json.loads(super().payload(n, size_bytes))
        job["payload"]["time_ms"] = self.start_ms + n
        return json.dumps(job, separators=(",", ":")).encode()


class TestSockudoV1(OnRedis):
    pass


class TestSockudoV1OnRedis6(OnRedis):
    @pytest.fixture
    def server(self, redis_6: RedisServer) -> RedisServer:
        return redis_6


class TestSockudoV1OnAClusterNode(OnRedis):
    """Here a key that a script did not declare, or one of another slot, is refused."""

    @pytest.fixture
    def server(self, redis_cluster_node: RedisServer) -> RedisServer:
        return redis_cluster_node
