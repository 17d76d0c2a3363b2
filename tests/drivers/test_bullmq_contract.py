"""The contract on soketi's queues: on a server with ``#!lua``, an old one, a cluster."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from drivers.contract import MakeDriver, SourceContract  # noqa: TID251 - tests/drivers
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer

from sockq.drivers.settings import BullmqSettings, LeaseSettings
from sockq.drivers.soketi_redis import SoketiRedisDriver
from sockq.drivers.source import Driver


class OnRedis(SourceContract):
    """All traits are as the suite wants them."""

    @pytest.fixture
    def server(self, redis_server: RedisServer) -> RedisServer:
        return redis_server

    @pytest.fixture
    def settings(self, server: RedisServer, redis_prefix: str) -> BullmqSettings:
        return BullmqSettings(server.url, f"{{{redis_prefix}}}:")

    @pytest.fixture
    async def make_driver(self, settings: BullmqSettings) -> AsyncIterator[MakeDriver]:
        opened: list[Driver] = []

        async def make(*, lease_seconds: float = 30.0) -> Driver:
            lease = LeaseSettings(lease_seconds)
            driver = SoketiRedisDriver(replace(settings, lease=lease))
            opened.append(driver)
            await driver.open()
            return driver

        yield make
        for driver in opened:
            await driver.close()

    def payload(self, n: int, size_bytes: int = 0) -> bytes:
        job = json.loads(super().payload(n, size_bytes))
        return json.dumps(
            {
                "appKey": job["app_key"],
                "appId": job["app_id"],
                "payload": job["payload"],
                "originalPusherSignature": f"{n:064x}",
            },
            separators=(",", ":"),
        ).encode()


class TestBullmq(OnRedis):
    pass


class TestBullmqOnRedis6(OnRedis):
    @pytest.fixture
    def server(self, redis_6: RedisServer) -> RedisServer:
        return redis_6


class TestBullmqOnAClusterNode(OnRedis):
    """Here a key of another slot is refused."""

    @pytest.fixture
    def server(self, redis_cluster_node: RedisServer) -> RedisServer:
        return redis_cluster_node


class TestBullmqOnACluster(OnRedis):
    """Six nodes, of which one is named: the queues' owner has to be found."""

    @pytest.fixture
    def settings(self, redis_cluster: RedisCluster, redis_prefix: str) -> BullmqSettings:
        return BullmqSettings(prefix=f"{{{redis_prefix}}}:", nodes=redis_cluster.urls[:1])
