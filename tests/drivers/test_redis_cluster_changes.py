"""The cluster changes under load: nothing that it kept is lost, and nobody has to start anew."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest
from redis.crc import key_slot
from support.cluster_load import Load, load_on, settings_on
from support.redis_cluster import FAILOVER_SECONDS, RedisCluster
from support.redis_server import RedisServer
from support.until import async_until

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import Ack, NewJob
from sockq.drivers.redis_cluster import RedisClusterDriver
from sockq.drivers.settings import RedisClusterSettings


def more_than(load: Load, done: int) -> bool:
    load.check()
    return len(load.done) >= done and bool(load.kept)


async def running(loads: list[Load]) -> None:
    """Wait until 50 more jobs came through every queue."""
    for load in loads:
        await async_until(partial(more_than, load, len(load.done) + 50), FAILOVER_SECONDS)


async def drained(loads: list[Load]) -> None:
    for load in loads:
        load.produce = False
    await asyncio.sleep(0.1)  # a producer's last call
    for load in loads:
        await async_until(load.empty, FAILOVER_SECONDS)


def assert_nothing_is_lost(loads: list[Load], *, all_sent: bool) -> None:
    for load in loads:
        assert load.kept
        lost = (load.sent if all_sent else load.kept) - load.done.keys()
        assert not lost, f"{len(lost)} of {len(load.sent)}"


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_master_fails_under_load(
    changing_cluster: RedisCluster, redis_prefix: str, how: str
) -> None:
    """Killed, its connections break; stopped, as behind a broken network, it is silent."""
    settings = settings_on(changing_cluster, redis_prefix, response_timeout_seconds=1.0)
    async with load_on(changing_cluster, settings) as loads:
        await running(loads)
        slot = loads[0].slot
        victim = changing_cluster.owner(slot)
        if how == "killed":
            victim.kill()
        else:
            changing_cluster.freeze(victim)
        await async_until(lambda: changing_cluster.failed_over(slot, victim), FAILOVER_SECONDS)
        await running(loads)
        changing_cluster.heal()  # what was the master comes back, as a replica
        await running(loads)
        healed = time.monotonic()
        await running(loads)
        await drained(loads)
    assert_nothing_is_lost(loads, all_sent=False)
    for load in loads:
        assert load.gaps
        late = [text for at, text in load.gaps if at > healed]
        assert not late, "an error after the cluster had healed"


async def test_a_planned_failover_loses_nothing(
    changing_cluster: RedisCluster, redis_prefix: str
) -> None:
    settings = settings_on(changing_cluster, redis_prefix)
    async with load_on(changing_cluster, settings) as loads:
        await running(loads)
        slot = loads[0].slot
        old = changing_cluster.owner(slot)
        new = changing_cluster.replica_of(old)
        assert new.cli("CLUSTER", "FAILOVER") == "OK"
        await async_until(lambda: changing_cluster.failed_over(slot, old), FAILOVER_SECONDS)
        await running(loads)
        await drained(loads)
    assert_nothing_is_lost(loads, all_sent=True)


async def test_the_queues_slots_move_under_load(
    changing_cluster: RedisCluster, redis_prefix: str
) -> None:
    settings = settings_on(changing_cluster, redis_prefix)
    cluster = changing_cluster
    async with load_on(cluster, settings) as loads:
        await running(loads)
        for load in loads:
            cluster.move(load.slot, cluster.other_master(cluster.owner(load.slot)))
            await running(loads)
            assert not load.gaps, "a quick move is waited out"
        for load in loads:
            source = cluster.owner(load.slot)
            target = cluster.other_master(source)
            cluster.begin_move(load.slot, source, target)
            await asyncio.sleep(0.2)  # some keys are there, some never were: TRYAGAIN
            while cluster.move_keys(load.slot, source, target):  # noqa: ASYNC110 - what is polled is Redis
                await asyncio.sleep(0.1)  # producers write meanwhile: ASK
            cluster.end_move(load.slot, source, target)
            await running(loads)
            assert cluster.owner(load.slot) is target
        await drained(loads)
    assert_nothing_is_lost(loads, all_sent=True)
    for load in loads:
        assert all("TRYAGAIN" in text or "Multiple keys" in text for _, text in load.gaps)


async def test_single_keys_are_served_while_their_slot_moves(
    redis_cluster: RedisCluster, redis_prefix: str
) -> None:
    """By many connections at once: ASKING and its command must go over the same one."""
    driver = RedisClusterDriver(RedisClusterSettings(redis_cluster.urls, redis_prefix))
    await driver.open()
    client = driver.client
    key = f"{redis_prefix}list"
    await asyncio.gather(*(client.command("RPUSH", key, "before") for _ in range(16)))
    slot = key_slot(key.encode())
    source = redis_cluster.owner(slot)
    target = redis_cluster.other_master(source)
    redis_cluster.begin_move(slot, source, target)
    while redis_cluster.move_keys(slot, source, target):
        continue
    await asyncio.gather(*(client.command("RPUSH", key, "during") for _ in range(64)))
    script = "return redis.call('RPUSH', KEYS[1], 'script')"
    await asyncio.gather(*(client.command("EVAL", script, 1, key) for _ in range(16)))
    redis_cluster.end_move(slot, source, target)
    assert await client.command("LLEN", key) == 16 + 64 + 16
    await driver.close()


async def test_an_idle_client_finds_a_slot_that_moved_meanwhile(
    redis_cluster: RedisCluster, redis_prefix: str
) -> None:
    settings = RedisClusterSettings(redis_cluster.urls, redis_prefix)
    driver = RedisClusterDriver(settings)
    await driver.open()
    for source in driver.sources:
        tag = source.name.partition("{")[2].partition("}")[0] or source.name
        await source.enqueue([NewJob(b'{"a":1}')])
        slot = key_slot(tag.encode())
        redis_cluster.move(slot, redis_cluster.other_master(redis_cluster.owner(slot)))
        (lease,) = await source.claim(5, 1.0, "owner-1")
        assert await source.settle([Ack(lease)]) == [True]
    await driver.close()


async def test_a_waiting_claim_follows_its_slot(
    redis_cluster: RedisCluster, redis_prefix: str
) -> None:
    driver = RedisClusterDriver(RedisClusterSettings(redis_cluster.urls, redis_prefix))
    await driver.open()
    source = driver.sources[0]
    claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))
    slot = key_slot(source.name.encode())
    master = redis_cluster.owner(slot)
    await async_until(lambda: "cmd=blmove" in master.cli("CLIENT", "LIST"))
    redis_cluster.move(slot, redis_cluster.other_master(master))
    assert redis_cluster.owner_of(source.name).cli("RPUSH", source.name, "job") == "1"
    assert [lease.payload for lease in await claim] == [b"job"]
    await driver.close()


async def test_a_waiting_claim_hears_of_its_master_s_death_and_goes_on_after_it(
    changing_cluster: RedisCluster, redis_prefix: str
) -> None:
    driver = RedisClusterDriver(RedisClusterSettings(changing_cluster.urls, redis_prefix))
    await driver.open()
    source = driver.sources[0]
    claim = asyncio.create_task(source.claim(1, 30.0, "owner-1"))
    slot = key_slot(source.name.encode())
    victim: RedisServer = changing_cluster.owner(slot)
    await async_until(lambda: "cmd=blmove" in victim.cli("CLIENT", "LIST"))
    victim.kill()
    with pytest.raises(BackendUnavailable) as caught:
        await asyncio.wait_for(claim, 3.0)
    assert f"127.0.0.1:{victim.port}" in str(caught.value)

    async def enqueued() -> bool:
        try:
            return bool(await source.enqueue([NewJob(b"job")]))
        except BackendUnavailable:
            return False

    await async_until(enqueued, FAILOVER_SECONDS)
    assert [lease.payload for lease in await source.claim(1, 5.0, "owner-1")] == [b"job"]
    await driver.close()
