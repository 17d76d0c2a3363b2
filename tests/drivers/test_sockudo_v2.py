"""The queue of Sockudo 5 passes the suite for all sources: on Redis 7, on 6, on a cluster node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from drivers.contract import MakeDriver, SourceContract  # noqa: TID251 - tests/drivers
from support.redis_server import RedisServer
from support.until import until
from support.v2_queue import V2Driver

from sockq.drivers.settings import LeaseSettings
from sockq.drivers.source import Driver


@pytest.fixture(scope="module")
def cluster_node() -> Iterator[RedisServer]:
    """A node that holds every slot: it refuses keys that are not in one slot."""
    with RedisServer("--cluster-enabled", "yes") as server:
        server.cli("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: "cluster_state:ok" in server.cli("CLUSTER", "INFO"))
        assert "CROSSSLOT" in server.cli("MGET", "a", "b")
        yield server


class OnRedis(SourceContract):
    any_bytes = False  # a payload stands inside a JSON envelope

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
            driver = V2Driver(server.url, lease, prefix=redis_prefix)
            opened.append(driver)
            await driver.open()
            return driver

        yield make
        for driver in opened:
            await driver.close()


class TestSockudoV2(OnRedis):
    pass


class TestSockudoV2OnRedis6(OnRedis):
    @pytest.fixture
    def server(self, redis_6: RedisServer) -> RedisServer:
        return redis_6


class TestSockudoV2OnAClusterNode(OnRedis):
    @pytest.fixture
    def server(self, cluster_node: RedisServer) -> RedisServer:
        return cluster_node
