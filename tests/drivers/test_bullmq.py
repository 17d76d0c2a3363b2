"""What a source on soketi's queues does beyond the contract."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
from support.bullmq import Queues, bullmq_source, raw_redis
from support.redis_server import RedisServer
from support.redis_sources import claims_wait

from sockq.drivers.bullmq_format import QUEUES
from sockq.drivers.job import Ack, Dead, Release, Retry


@pytest.fixture
async def queues(redis_server: RedisServer, redis_prefix: str) -> AsyncIterator[Queues]:
    async with (
        raw_redis(redis_server) as redis,
        bullmq_source(redis_server, redis_prefix) as source,
    ):
        yield Queues(source, redis, redis_prefix)


# Claiming ---------------------------------------------------------------------------------------


async def test_every_queue_gets_a_share_of_a_claim(queues: Queues) -> None:
    await queues.add(100, QUEUES[0])
    await queues.add(2, QUEUES[1])
    await queues.add(100, QUEUES[5])
    got = [lease.id.partition(":")[0] for lease in await queues.take(12)]
    assert got.count(QUEUES[1]) == 2
    assert min(got.count(QUEUES[0]), got.count(QUEUES[5])) >= 4


async def test_small_claims_take_turns(queues: Queues) -> None:
    for queue in QUEUES:
        await queues.add(2, queue)
    got = [(await queues.take(1))[0].id.partition(":")[0] for _ in range(6)]
    assert sorted(got) == sorted(QUEUES)


async def test_equal_numbers_of_different_queues_are_different_jobs(queues: Queues) -> None:
    for queue in QUEUES:
        await queues.add(1, queue)
    leases = await queues.take(6)
    assert len({lease.id for lease in leases}) == 6
    assert await queues.source.settle([Ack(leases[0])]) == [True]
    assert (await queues.source.stats()).leased == 5


@pytest.mark.parametrize("queue", QUEUES)
async def test_a_job_in_any_queue_wakes_a_claim(queues: Queues, queue: str) -> None:
    claim = asyncio.create_task(queues.source.claim(1, 10.0, "w:1"))
    await claims_wait(queues.source._client, "xread")
    began = time.monotonic()
    await queues.add(1, queue)
    assert len(await claim) == 1
    assert time.monotonic() - began < 2.0


async def test_a_resumed_queue_wakes_a_claim(queues: Queues) -> None:
    await queues.redis.hset(queues.key("meta"), "paused", 1)
    await queues.add(3)
    assert await queues.redis.lrange(queues.key("paused"), 0, -1) == ["3", "2", "1"]
    stats = await queues.source.stats()
    assert (stats.ready, stats.delayed) == (0, 3)
    claim = asyncio.create_task(queues.source.claim(3, 10.0, "w:1"))
    await claims_wait(queues.source._client, "xread")
    assert not claim.done()
    pipe = queues.redis.pipeline(transaction=True)
    pipe.rename(queues.key("paused"), queues.key("wait"))
    pipe.hdel(queues.key("meta"), "paused")
    pipe.xadd(queues.key("events"), {"event": "resumed"})
    await pipe.execute()
    async with asyncio.timeout(2.0):
        assert [lease.id.partition("@")[0][-1] for lease in await claim] == ["1", "2", "3"]


async def test_a_paused_queue_keeps_what_we_give_back(queues: Queues) -> None:
    await queues.add(4)
    retried, released, reclaimed, dead = await queues.take(4)
    await queues.redis.hset(queues.key("meta"), "paused", 1)
    await queues.source.settle([Retry(retried, 0.0, b""), Release(released), Dead(dead, "x", b"")])
    await queues.source.replay([dead.id])
    assert await queues.source.reclaim(reclaimed.owner) == 1
    assert await queues.source.claim(9, 0.0, "w:1") == []
    assert sorted(await queues.redis.lrange(queues.key("paused"), 0, -1)) == ["1", "2", "3", "4"]


async def test_what_is_no_job_is_taken_off_the_list(queues: Queues) -> None:
    await queues.add(1)
    await queues.redis.rpush(queues.key("wait"), "gone", "id")  # no hash; not even a hash
    assert [lease.attempt for lease in await queues.source.claim(9, 0.0, "w:1")] == [1]
    assert await queues.redis.exists(queues.key("wait")) == 0
    assert await queues.redis.lrange(queues.key("active"), 0, -1) == ["1"]
    assert await queues.redis.exists(queues.key("gone")) == 0


async def test_a_waiting_claim_costs_little(queues: Queues) -> None:
    async def calls() -> int:
        stats = await queues.redis.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in _SENT)

    before = await calls()
    await asyncio.gather(*(queues.source.claim(1, 1.0, f"w:{n}") for n in range(5)))
    assert await calls() - before <= 5 * 3  # look, wait, look again


_SENT = ("evalsha", "eval", "xread", "blmove", "brpoplpush")


async def test_the_progress_of_others_does_not_keep_a_waiting_claim_busy(
    queues: Queues, redis_server: RedisServer
) -> None:
    idle = asyncio.create_task(queues.source.claim(1, 1.0, "idle"))
    await claims_wait(queues.source._client, "xread")
    before = (await queues.redis.info("commandstats"))["cmdstat_xread"]["calls"]
    noise = 0
    while not idle.done():
        await queues.redis.xadd(queues.key("events"), {"event": "active"})
        noise += 1
    calls = (await queues.redis.info("commandstats"))["cmdstat_xread"]["calls"] - before
    assert calls <= min(30, noise)
    assert await idle == []


# Job options ------------------------------------------------------------------------------------


async def options(queues: Queues, **given: object) -> None:
    await queues.redis.hset(queues.key("1"), "opts", json.dumps(given))


@pytest.mark.parametrize("keep", [False, None, 5, {"count": 5}, {"age": 100}])
async def test_a_completed_job_is_kept_where_its_options_say_so(
    queues: Queues, keep: object
) -> None:
    await queues.add(1)
    await options(queues, removeOnComplete=keep)
    (lease,) = await queues.take()
    assert await queues.source.settle([Ack(lease)]) == [True]
    assert await queues.redis.zrange(queues.key("completed"), 0, -1) == ["1"]
    job = await queues.redis.hgetall(queues.key("1"))
    assert job["returnvalue"] == "null"
    assert int(job["finishedOn"]) >= int(job["processedOn"])
    assert not [name for name in job if name.startswith("sockq")]
    assert await queues.redis.exists(queues.key("1:lock")) == 0


@pytest.mark.parametrize(
    ("keep", "left"), [({"count": 2}, 2), (3, 3), ({"age": 50}, 1), ({"age": 50, "count": 9}, 1)]
)
async def test_older_completed_jobs_go(queues: Queues, keep: object, left: int) -> None:
    old_ms = time.time_ns() // 1_000_000 - 60_000
    for n in range(5):
        await queues.redis.zadd(queues.key("completed"), {f"old{n}": old_ms + n})
        await queues.redis.hset(queues.key(f"old{n}"), "data", "{}")
    await queues.add(1)
    await options(queues, removeOnComplete=keep)
    assert await queues.source.settle([Ack((await queues.take())[0])]) == [True]
    kept = await queues.redis.zrange(queues.key("completed"), 0, -1)
    assert len(kept) == left
    assert kept[-1] == "1"
    hashes = {key.rpartition(":")[2] async for key in queues.redis.scan_iter(queues.key("old*"))}
    assert hashes == set(kept) - {"1"}


@pytest.mark.parametrize("opts", ["not json", "[]", "7", ""])
async def test_unreadable_options_keep_a_completed_job(queues: Queues, opts: str) -> None:
    await queues.add(1)
    await queues.redis.hset(queues.key("1"), "opts", opts)
    assert await queues.source.settle([Ack((await queues.take())[0])]) == [True]
    assert await queues.redis.zcard(queues.key("completed")) == 1


async def test_a_lifo_job_is_retried_first(queues: Queues) -> None:
    await queues.add(3)
    await options(queues, lifo=True)
    first, second = await queues.take(2)
    await queues.source.settle([Retry(first, 0.0, b""), Retry(second, 0.0, b"")])
    assert await queues.redis.lrange(queues.key("wait"), 0, -1) == ["2", "3", "1"]


async def test_a_delayed_job_with_a_priority_overtakes(queues: Queues) -> None:
    await queues.add(3)
    await queues.add(1)
    await queues.redis.hset(queues.key("4"), "priority", 3)
    await queues.redis.lrem(queues.key("wait"), 1, "4")
    await queues.redis.zadd(queues.key("delayed"), {"4": 4})
    leases = await queues.take(4)
    assert [lease.id.partition("@")[0].rpartition(":")[2] for lease in leases] == list("4123")
    assert await queues.redis.exists(queues.key("priority")) == 0


# Events -----------------------------------------------------------------------------------------


async def test_a_batch_tells_of_each_job_and_once_that_all_is_done(queues: Queues) -> None:
    await queues.add(2)
    leases = await queues.take(2)
    await queues.source.settle([Ack(lease) for lease in leases])
    expected = ["added", "waiting"] * 2 + ["active"] * 2 + ["completed"] * 2 + ["drained"]
    assert await queues.events() == expected


async def test_the_event_streams_stay_bounded(queues: Queues) -> None:
    await queues.redis.hset(queues.key("meta"), "opts.maxLenEvents", 50)
    for _ in range(5):
        await queues.add(100)
        await queues.source.settle([Ack(lease) for lease in await queues.take(100)])
    assert await queues.redis.xlen(queues.key("events")) < 550
    await queues.add(300)
    for lease in await queues.take(300):
        await queues.source.settle([Retry(lease, 60.0, b"")])
    assert await queues.redis.xlen(queues.key("delay")) < 250
