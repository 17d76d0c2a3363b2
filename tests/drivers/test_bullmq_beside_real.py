"""One queue, used by BullMQ 1.91 itself and by us in turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from support.bullmq import bullmq_source, raw_redis, read_back
from support.real_bullmq import RealBullmq, node_modules
from support.redis_server import RedisServer
from support.until import async_until

from sockq.drivers.bullmq import BullmqSource
from sockq.drivers.job import Ack, Dead, NewJob, Release, Retry

pytestmark = pytest.mark.timeout(120)  # the first one may have to install it

QUEUE = "channel_occupied_webhooks"
JOB = {
    "appKey": "app-key",
    "appId": "app-id",
    "payload": {"time_ms": 1, "events": [{"name": "channel_occupied", "channel": "café ☃"}]},
    "originalPusherSignature": "0" * 64,
}
PAYLOAD = json.dumps(JOB, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.fixture
async def source(redis_server: RedisServer, redis_prefix: str) -> AsyncIterator[BullmqSource]:
    async with bullmq_source(redis_server, redis_prefix) as source:
        yield source


@pytest.fixture
def real(redis_server: RedisServer, redis_prefix: str) -> RealBullmq:
    return RealBullmq(redis_server, redis_prefix.removesuffix(":"), QUEUE, node_modules())


async def left(redis_server: RedisServer, prefix: str) -> set[str]:
    """The keys of the queue that are there whether it has jobs or not are left out."""
    async with raw_redis(redis_server) as redis:
        keys = {
            key.rpartition(f"{QUEUE}:")[2] for key in await read_back(redis, f"{prefix}{QUEUE}")
        }
    return keys - {"id", "meta", "events", "delay", "stalled-check"}


async def test_what_we_retry_is_finished_by_a_real_worker(
    source: BullmqSource, real: RealBullmq, redis_server: RedisServer, redis_prefix: str
) -> None:
    job_id = await real.add(JOB)
    (lease,) = await source.claim(1, 5.0, "w:1")
    assert (lease.payload, lease.attempt) == (PAYLOAD, 1)
    # It stands in `delayed` before that worker's scheduler starts, or after: both must promote it.
    assert await source.settle([Retry(lease, 1.5, b"who is owed")]) == [True]
    done = await real.complete_one()
    assert done == {"id": job_id, "attemptsMade": 2, "data": JOB}
    assert await left(redis_server, redis_prefix) == set()


async def test_a_scheduler_that_sleeps_is_woken_by_our_retry(
    source: BullmqSource, real: RealBullmq
) -> None:
    (id_,) = await source.enqueue([NewJob(PAYLOAD)])
    (lease,) = await source.claim(1, 0.0, "w:1")
    work = asyncio.create_task(real.complete_one())
    await async_until(lambda: is_blocked(source, b"xread"), 15)
    assert await source.settle([Retry(lease, 0.3, b"")]) == [True]
    done = await work
    assert (done["attemptsMade"], done["id"]) == (2, id_.partition(":")[2].partition("@")[0])


async def is_blocked(source: BullmqSource, command: bytes) -> bool:
    """Whether a client waits at the server with this command: a worker's or a scheduler's."""
    clients: bytes = await source._client.command("CLIENT", "LIST")
    return any(b"flags=b" in line and b"cmd=" + command in line for line in clients.splitlines())


async def test_what_a_real_worker_fails_is_retried_by_us(
    source: BullmqSource, real: RealBullmq, redis_server: RedisServer, redis_prefix: str
) -> None:
    (id_,) = await source.enqueue([NewJob(PAYLOAD)])
    failed = await real.fail_one("HTTP 500")
    assert (failed["attemptsMade"], failed["data"]) == (1, JOB)
    (lease,) = await source.claim(1, 10.0, "w:1")  # 1 s of BullMQ's backoff
    assert (lease.id, lease.attempt, lease.payload, lease.crashes) == (id_, 2, PAYLOAD, 0)
    assert await source.settle([Retry(lease, 0.0, b"")]) == [True]
    assert (await real.fail_one("HTTP 502"))["attemptsMade"] == 3
    async with raw_redis(redis_server) as redis:  # 7 s later
        assert await redis.zadd(f"{redis_prefix}{QUEUE}:delayed", {"1": 1}, xx=True, ch=True) == 1
    (lease,) = await source.claim(1, 5.0, "w:1")
    assert lease.attempt == 4
    assert await source.settle([Ack(lease)]) == [True]
    assert await left(redis_server, redis_prefix) == set()


async def test_a_release_charges_nothing_to_a_real_worker(
    source: BullmqSource, real: RealBullmq
) -> None:
    await source.enqueue([NewJob(PAYLOAD)])
    (lease,) = await source.claim(1, 0.0, "w:1")
    assert await source.settle([Release(lease)]) == [True]
    assert (await real.complete_one())["attemptsMade"] == 1


async def test_bullmq_sees_our_dead_letters_and_leases(
    source: BullmqSource, real: RealBullmq
) -> None:
    await source.enqueue([NewJob(PAYLOAD), NewJob(PAYLOAD), NewJob(PAYLOAD), NewJob(PAYLOAD)])
    dead, late, _ = await source.claim(3, 0.0, "w:1")
    assert await source.settle([Dead(dead, "410 Gone", b""), Retry(late, 60.0, b"")]) == [True] * 2
    seen = await real.step("look")
    assert seen["counts"] == {"wait": 1, "active": 1, "delayed": 1, "failed": 1, "completed": 0}
    ((letter,), (shown,)) = seen["failed"], (await source.dead_letters(None, 9)).letters
    assert (letter["id"], letter["attemptsMade"], letter["data"]) == ("1", 1, JOB)
    assert letter["reason"] == shown.reason == "410 Gone"
    assert letter["finishedOn"] == shown.died_at_ms
    assert await source.replay([shown.id]) == [True]
    assert (await real.step("look"))["counts"]["failed"] == 0


async def test_a_job_of_a_real_worker_comes_to_us_only_after_that_worker_died(
    source: BullmqSource, real: RealBullmq, redis_server: RedisServer, redis_prefix: str
) -> None:
    job_id = await real.add(JOB)
    worker = await real.start("hang")
    try:
        assert worker.stdout is not None
        async with asyncio.timeout(20):
            assert json.loads(await worker.stdout.readline())["id"] == job_id
        async with raw_redis(redis_server) as redis:
            gate = f"{redis_prefix}{QUEUE}:stalled-check"
            for _ in range(3):  # as many checks as one likes: its lock is alive
                await redis.delete(gate)
                assert await source.reclaim(None) == 0
            assert await source.claim(1, 0.0, "w:1") == []
            worker.kill()
            await worker.wait()
            await redis.delete(f"{redis_prefix}{QUEUE}:{job_id}:lock")  # 30 s later
            assert await source.reclaim(None) == 0
            await redis.delete(gate)
            assert await source.reclaim(None) == 1
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    (lease,) = await source.claim(1, 0.0, "w:1")
    assert (lease.payload, lease.crashes) == (PAYLOAD, 0)
    assert await source.settle([Ack(lease)]) == [True]


async def test_a_real_worker_wakes_for_what_we_give_back(
    source: BullmqSource, real: RealBullmq
) -> None:
    await source.enqueue([NewJob(PAYLOAD)])
    await source.claim(1, 0.0, "w:1")
    work = asyncio.create_task(real.complete_one())
    await async_until(lambda: is_blocked(source, b"brpoplpush"), 15)
    assert await source.reclaim("w:1") == 1
    assert (await work)["attemptsMade"] == 1


async def test_a_real_scheduler_never_deletes_what_our_fleets_crash_with(
    source: BullmqSource, real: RealBullmq, redis_server: RedisServer, redis_prefix: str
) -> None:
    """It deletes a job at its second stall. Nobody of ours is left to give the job back."""
    await source.enqueue([NewJob(PAYLOAD)])
    async with raw_redis(redis_server) as redis:
        for fleet in range(3):
            (lease,) = await source.claim(1, 0.0, f"w:{fleet}")
            assert (lease.payload, lease.crashes) == (PAYLOAD, 0)
            await redis.delete(f"{redis_prefix}{QUEUE}:1:lock")  # 30 s later
            await redis.delete(f"{redis_prefix}{QUEUE}:stalled-check")
            assert await real.step("check") == {"event": "stalled", "id": "1"}
    assert (await source.stats()).ready == 1
