"""The queues of both formats on a real cluster: the contract, and what its servers recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from drivers.contract import MakeDriver, SourceContract  # noqa: TID251 - tests/drivers
from drivers.test_redis_v1_contract import OnRedis as OfTheList  # noqa: TID251 - as above
from redis.crc import key_slot
from support import fixtures
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer
from support.tls import pem_files
from support.v2_queue import Queue

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, NewJob
from sockq.drivers.redis_cluster import RedisClusterDriver, read_nodes
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import LeaseSettings, RedisClusterSettings, RedisSettings, TlsSettings
from sockq.drivers.source import Driver, Source


class OnACluster(SourceContract):
    @pytest.fixture
    async def make_driver(
        self, redis_cluster: RedisCluster, redis_prefix: str
    ) -> AsyncIterator[MakeDriver]:
        drivers: list[Driver] = []

        async def make(*, lease_seconds: float = 30.0) -> Driver:
            lease = LeaseSettings(lease_seconds)
            settings = RedisClusterSettings(redis_cluster.urls[:1], redis_prefix, lease=lease)
            driver = RedisClusterDriver(settings)
            drivers.append(driver)
            await driver.open()
            return driver

        yield make
        for driver in drivers:
            await driver.close()


class TestSockudoV1OnACluster(OnACluster, OfTheList):
    pass


class TestSockudoV2OnACluster(OnACluster):
    any_bytes = False

    def source_of(self, driver: Driver) -> Source:
        return next(source for source in driver.sources if ":v2:" in source.name)


async def opened(settings: RedisClusterSettings | RedisSettings) -> Driver:
    driver = make_driver(settings)
    try:
        await driver.open()
    except BaseException:
        await driver.close()
        raise
    return driver


async def refused(settings: RedisClusterSettings | RedisSettings) -> str:
    with pytest.raises(BackendRefused) as caught:
        await opened(settings)
    return str(caught.value)


# What servers recorded.


@pytest.mark.parametrize("version", ["4.7.0", "5.0.1"])
async def test_what_a_server_left_on_a_cluster_is_claimed(
    redis_cluster: RedisCluster, version: str
) -> None:
    """Its keys stand on the nodes that its own client chose by their slots."""
    (path,) = (path for path in fixtures.sockudo(version) if path.stem == "redis-cluster")
    recorded = fixtures.load(path)
    keys: dict[str, Any] = {}
    for node in recorded["after_enqueue"].values():
        keys |= node
    assert recorded["slots"] == {key: key_slot(key.encode()) for key in keys}
    base = next(iter(keys)).rpartition(":")[0] if version == "5.0.1" else ""
    driver = RedisClusterDriver(RedisClusterSettings(redis_cluster.urls))
    await driver.open()
    if base:
        source = next(source for source in driver.sources if source.name == base)
        await Queue(source, driver.client).load(keys, base)  # type: ignore[arg-type]
        (stored,) = keys[f"{base}:jobs"]["value"].values()
        expected = stored[stored.index('"data":') + len('"data":') : -1]
    else:
        ((key, entry),) = keys.items()
        source = next(source for source in driver.sources if source.name == key)
        (expected,) = entry["value"]
        owner = redis_cluster.owner_of(key)
        assert owner.cli("RPUSH", key, expected) == "1"  # on that node, as the server did
    (lease,) = await source.claim(5, 1.0, "owner-1")
    assert lease.payload == expected.encode()
    assert await source.settle([Ack(lease)]) == [True]
    await driver.close()


# How it is told where the cluster is.


async def test_a_seed_that_is_away_and_one_without_a_scheme(
    redis_cluster: RedisCluster, redis_prefix: str
) -> None:
    nodes = ("127.0.0.1:1", f"127.0.0.1:{redis_cluster.nodes[4].port}")  # a replica
    driver = await opened(RedisClusterSettings(nodes, redis_prefix))
    await driver.sources[0].enqueue([NewJob(b"a")])
    assert [lease.payload for lease in await driver.sources[0].claim(5, 1.0, "o")] == [b"a"]
    await driver.close()


async def test_cluster_mode_of_the_redis_driver(
    redis_cluster: RedisCluster, redis_prefix: str
) -> None:
    url = redis_cluster.nodes[0].url
    driver = await opened(RedisSettings(url, redis_prefix, cluster_mode=True))
    assert driver.name == "redis"
    for source in driver.sources:  # in three slots, on whichever nodes
        await source.enqueue([NewJob(b'{"a":1}')])
        assert len(await source.claim(5, 1.0, "owner-1")) == 1
    await driver.close()


async def test_a_cluster_behind_a_password(redis_prefix: str) -> None:
    password = ("--requirepass", "p@ss", "--masterauth", "p@ss")
    with RedisServer("--cluster-enabled", "yes", *password) as node:
        node.cli("-a", "p@ss", "CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        url = f"redis://:p%40ss@127.0.0.1:{node.port}"
        driver = await opened(RedisClusterSettings((url,), redis_prefix))
        await driver.close()
        text = await refused(RedisClusterSettings((f"127.0.0.1:{node.port}",), redis_prefix))
        assert text.startswith(f"Redis at 127.0.0.1:{node.port} denies access: ")
        text = await refused(RedisClusterSettings((url.replace("ss@", "sx@"),), redis_prefix))
        assert "p@s" not in text
        assert "p%40" not in text


async def test_a_server_that_is_no_cluster_says_so(redis_server: RedisServer) -> None:
    text = await refused(RedisClusterSettings((redis_server.url,)))
    where = f"127.0.0.1:{redis_server.port}"
    assert text == f"Redis at {where} is not part of a cluster; use the queue driver redis"


async def test_no_node_answers() -> None:
    with pytest.raises(BackendUnavailable) as caught:
        await opened(RedisClusterSettings(("redis://user:secret@127.0.0.1:1",)))
    assert str(caught.value) == "no node of the Redis cluster at 127.0.0.1:1 answers"


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        (
            (),
            "a Redis cluster needs the address of at least one node; set queue.redis_cluster.nodes",
        ),
        (
            ("redis://:secret@h:1", "redis://h:2"),
            "the nodes of a Redis cluster must have the same user, password and scheme",
        ),
        (
            ("redis://:secret@h:1/3",),
            "a Redis cluster has database 0 only; take the number off the URL",
        ),
        (("http://h",), "the Redis URL must start with redis:// or rediss://"),
    ],
)
def test_nodes_that_cannot_be_used(nodes: tuple[str, ...], text: str) -> None:
    with pytest.raises(BackendRefused) as caught:
        read_nodes(nodes)
    assert str(caught.value) == text


def test_settings_never_show_a_password() -> None:
    assert "secret" not in repr(RedisClusterSettings(("redis://:secret@h:1",)))


async def test_tls_with_a_private_authority_and_client_certificates(
    tmp_path: Path, redis_prefix: str
) -> None:
    ca, certificate, key = files = pem_files(trustme.CA(), tmp_path)
    with RedisCluster(tls=files, replicas=False) as cluster:
        tls = TlsSettings(ca_path=ca, client_cert_path=certificate, client_key_path=key)
        driver = await opened(RedisClusterSettings(cluster.urls[:1], redis_prefix, tls=tls))
        for source in driver.sources:
            await source.enqueue([NewJob(b'{"a":1}')])
            assert len(await source.claim(5, 1.0, "owner-1")) == 1
        await driver.close()
        text = await refused(RedisClusterSettings(cluster.urls[:1], redis_prefix))
        assert text.startswith("the TLS certificate of Redis at 127.0.0.1:")
