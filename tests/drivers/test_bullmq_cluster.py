"""soketi's queues in a real cluster, and the prefixes that cannot be served there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer
from support.redis_sources import claims_wait

from sockq.drivers.bullmq_format import QUEUES
from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Ack, Dead, NewJob, Retry, Settlement
from sockq.drivers.redis_client import connect
from sockq.drivers.settings import BullmqSettings, RedisSettings
from sockq.drivers.soketi_redis import SoketiRedisDriver
from sockq.drivers.source import Source


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    cluster = RedisCluster(replicas=False)
    yield cluster
    cluster.stop()


@asynccontextmanager
async def opened(cluster: RedisCluster, prefix: str) -> AsyncIterator[Source]:
    driver = SoketiRedisDriver(BullmqSettings(prefix=prefix, nodes=cluster.urls))
    try:
        await driver.open()
        yield driver.sources[0]
    finally:
        await driver.close()


def job(queue: str) -> NewJob:
    kind = queue.removesuffix("_webhooks").encode()
    return NewJob(b'{"payload":{"time_ms":1,"events":[{"name":"%s"}]}}' % kind)


async def claim_waits(cluster: RedisCluster, prefix: str) -> None:
    """Return when one waits at the node that has the queues."""
    owner = connect(RedisSettings(cluster.owner_of(prefix).url))
    try:
        await claims_wait(owner, "xread")
    finally:
        await owner.close()


@pytest.mark.parametrize("prefix", ["{soketi}:", "{other}", "tenant{7}:queues:"])
async def test_all_queues_of_a_tagged_prefix_work(cluster: RedisCluster, prefix: str) -> None:
    async with opened(cluster, prefix) as source, opened(cluster, prefix) as producer:
        claim = asyncio.create_task(source.claim(10, 10.0, "w:1"))
        await claim_waits(cluster, prefix)
        began = time.monotonic()
        await producer.enqueue([job(QUEUES[3])])
        (first,) = await claim
        assert time.monotonic() - began < 2.0
        await producer.enqueue([job(queue) for queue in QUEUES])
        leases = await source.claim(10, 0.0, "w:1")
        assert len(leases) == len(QUEUES)
        assert await source.extend(leases, 10.0) == [True] * 6
        settlements: list[Settlement] = [
            Ack(first),
            Dead(leases[0], "gone", b""),
            Retry(leases[1], 9.0, b""),
        ]
        assert await source.settle(settlements) == [True] * 3
        assert await source.reclaim("w:1") == 4
        assert await source.reclaim(None) == 0
        stats = await source.stats()
        assert (stats.ready, stats.leased, stats.delayed, stats.dead) == (4, 0, 1, 1)


@pytest.mark.parametrize(("prefix", "advice"), [("", "{soketi}:"), ("app:", "{app}:")])
async def test_a_prefix_without_a_tag_is_refused_with_advice(
    cluster: RedisCluster, prefix: str, advice: str
) -> None:
    with pytest.raises(BackendRefused, match="no hash tag") as caught:
        async with opened(cluster, prefix):
            pass
    text = str(caught.value)
    assert f"SOKETI_DB_REDIS_KEY_PREFIX={advice}" in text
    assert "\n" not in text


async def test_it_is_refused_on_one_node_too(redis_cluster_node: RedisServer) -> None:
    driver = SoketiRedisDriver(BullmqSettings(redis_cluster_node.url))
    with pytest.raises(BackendRefused, match="no hash tag"):
        await driver.open()
    await driver.close()


async def test_a_url_of_a_cluster_node_alone_is_refused_with_advice(cluster: RedisCluster) -> None:
    refused = 0
    for url in cluster.urls:
        driver = SoketiRedisDriver(BullmqSettings(url, "{soketi}:"))
        try:
            await driver.open()
        except BackendRefused as error:
            assert "cluster" in str(error)  # noqa: PT017 - one of the three owns the slot
            refused += 1
        await driver.close()
    assert refused == 2
