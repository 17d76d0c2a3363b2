"""Locks, stalls and dead letters of soketi's queues, ours and those of other workers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.bullmq import Queues, bullmq_source, raw_redis
from support.contract.kit import next_millisecond
from support.redis_server import RedisServer

from sockq.drivers.bullmq_format import QUEUES
from sockq.drivers.job import Ack, Dead, Release, Retry


@pytest.fixture
async def queues(redis_server: RedisServer, redis_prefix: str) -> AsyncIterator[Queues]:
    async with (
        raw_redis(redis_server) as redis,
        bullmq_source(redis_server, redis_prefix, lease_seconds=10.0) as source,
    ):
        yield Queues(source, redis, redis_prefix)


async def check_again(queues: Queues) -> int:
    """Sweep as if half a minute had passed."""
    await queues.redis.delete(*[queues.key("stalled-check", queue) for queue in QUEUES])
    return await queues.source.reclaim(None)


async def test_a_lock_names_its_owner_and_runs_out(queues: Queues) -> None:
    await queues.add(1)
    await queues.take(1, "host:worker-1:77")
    token = await queues.redis.get(queues.key("1:lock"))
    assert token.startswith("sockq:")
    assert token.endswith(":host:worker-1:77")
    assert 9_000 < await queues.redis.pttl(queues.key("1:lock")) <= 10_000


async def test_a_live_lock_of_another_worker_is_never_touched(queues: Queues) -> None:
    await queues.add(1)
    await queues.redis.rpoplpush(queues.key("wait"), queues.key("active"))
    await queues.redis.set(queues.key("1:lock"), "uuid", px=30_000)
    for _ in range(4):
        assert await check_again(queues) == 0
    assert await queues.source.reclaim("uuid") == 0
    assert await queues.source.claim(1, 0.0, "w:1") == []
    assert await queues.redis.get(queues.key("1:lock")) == "uuid"


async def test_what_another_worker_has_just_popped_has_not_stalled(queues: Queues) -> None:
    """It locks the job a moment later."""
    await check_again(queues)
    await queues.add(1)
    await queues.redis.rpoplpush(queues.key("wait"), queues.key("active"))
    assert await queues.source.reclaim(None) == 0
    assert await check_again(queues) == 0
    assert await queues.redis.lrange(queues.key("active"), 0, -1) == ["1"]
    assert await check_again(queues) == 1  # half a minute later it stands there still
    ((lease,),) = [await queues.take()]
    assert (lease.attempt, lease.crashes) == (1, 0), "a lock that ran out blames nobody"


async def test_an_expired_lease_of_ours_comes_back_at_once(queues: Queues) -> None:
    await queues.add(3)
    first, second, _ = await queues.take(3)
    await queues.redis.delete(queues.key("1:lock"), queues.key("2:lock"))
    assert await queues.source.reclaim(None) == 2
    assert await queues.source.settle([Ack(first), Ack(second)]) == [False, False]
    again = await queues.take(2, "w:2")
    assert [lease.id for lease in again] == [first.id, second.id], "in the order of their claim"
    assert [(lease.attempt, lease.crashes) for lease in again] == [(1, 0)] * 2


async def test_a_late_settlement_counts_while_nobody_took_the_job(queues: Queues) -> None:
    await queues.add(2)
    first, second = await queues.take(2)
    await queues.redis.delete(queues.key("1:lock"), queues.key("2:lock"))
    assert await queues.source.extend([second], 10.0) == [True]
    assert await queues.redis.exists(queues.key("2:lock")) == 1
    assert await queues.source.settle([Ack(first), Ack(second)]) == [True, True]


async def test_a_job_that_a_scheduler_took_back_is_no_longer_ours(queues: Queues) -> None:
    await queues.add(1)
    (lease,) = await queues.take()
    await queues.redis.delete(queues.key("1:lock"))
    # As the check for stalled jobs of BullMQ; then one of its workers pops the job.
    await queues.redis.hincrby(queues.key("1"), "stalledCounter", 1)
    assert await queues.source.reclaim(None) == 0
    assert await queues.source.reclaim("w:1") == 0
    assert await queues.source.extend([lease], 10.0) == [False]
    for late in (Ack(lease), Retry(lease, 0.0, b""), Dead(lease, "", b""), Release(lease)):
        assert await queues.source.settle([late]) == [False]


async def test_a_job_survives_the_end_of_any_number_of_whole_fleets(queues: Queues) -> None:
    """BullMQ's schedulers delete a job at its second stall; each claim of ours starts anew."""
    await queues.add(1)
    for fleet in range(4):
        (lease,) = await queues.take(1, f"w:{fleet}")
        assert lease.crashes == 0
        await queues.redis.delete(queues.key("1:lock"))
        assert await queues.redis.lrem(queues.key("active"), 1, "1") == 1
        assert await queues.redis.hincrby(queues.key("1"), "stalledCounter", 1) == 1
        await queues.redis.rpush(queues.key("wait"), "1")


async def test_reclaiming_leaves_no_trace_in_the_stalled(queues: Queues) -> None:
    await queues.add(2)
    await queues.take(2)
    await check_again(queues)
    assert await queues.redis.smembers(queues.key("stalled")) == {"1", "2"}
    assert await queues.source.reclaim("w:1") == 2
    assert await queues.redis.exists(queues.key("stalled")) == 0


async def test_many_leases_of_many_queues_are_reclaimed(queues: Queues) -> None:
    for queue in QUEUES[:3]:
        await queues.add(700, queue)
    await queues.take(2_100)
    total = 0
    while ended := await queues.source.reclaim("w:1"):
        assert ended <= 1_500
        total += ended
    assert total == 2_100
    leases = await queues.take(2_100)
    numbers = [int(lease.id.partition("@")[0].rpartition(":")[2]) for lease in leases]
    by_queue = [
        [n for n, lease in zip(numbers, leases, strict=True) if lease.id.startswith(queue)]
        for queue in QUEUES[:3]
    ]
    assert by_queue == [list(range(1, 701))] * 3, "in the order of their claim"


async def test_released_jobs_keep_their_order(queues: Queues) -> None:
    await queues.add(6)
    early = await queues.take(2)
    late = await queues.take(2)
    batch = [Release(late[1]), Release(early[0]), Release(late[0]), Release(early[1])]
    assert await queues.source.settle(batch) == [True] * 4
    assert await queues.redis.lrange(queues.key("wait"), 0, -1) == list("654321")


# Dead letters -----------------------------------------------------------------------------------


async def test_dead_letters_of_all_queues_are_one_store(queues: Queues) -> None:
    buried = []
    for n, queue in enumerate((QUEUES[2], QUEUES[0], QUEUES[5], QUEUES[0], QUEUES[1], QUEUES[2])):
        await queues.add(1, queue)
        (lease,) = await queues.take()
        await queues.source.settle([Dead(lease, f"reason {n}", b"s%d" % n)])
        buried.append(lease.id)
        await next_millisecond()
    assert await queues.source.trim_dead(4, 0.0) == 2
    letters, cursor = [], None
    while True:
        page = await queues.source.dead_letters(cursor, 3)
        letters += page.letters
        cursor = page.cursor
        if cursor is None:
            break
    assert [letter.id for letter in letters] == buried[2:], "the oldest beyond the limit went"
    assert [letter.state for letter in letters] == [b"s2", b"s3", b"s4", b"s5"]
    assert await queues.redis.exists(queues.key("1", QUEUES[2]), queues.key("1")) == 0
    assert await queues.source.drop(buried) == [False, False, True, True, True, True]
    assert (await queues.source.stats()).dead == 0


async def test_what_others_failed_is_a_dead_letter_too(queues: Queues) -> None:
    await queues.add(1)
    (lease,) = await queues.take()
    await queues.source.settle([Dead(lease, "x", b"")])
    await queues.redis.hdel(queues.key("1"), "failedReason", "sockq:crashes")
    await queues.redis.hset(queues.key("1"), mapping={"failedReason": "boom", "stalledCounter": 2})
    await queues.redis.zadd(queues.key("failed"), {"ghost": 1})
    (letter,) = (await queues.source.dead_letters(None, 9)).letters
    assert (letter.id, letter.reason, letter.crashes) == (lease.id, "boom", 2)
    assert await queues.source.replay([lease.id, "ghost"]) == [True, False]
    (again,) = await queues.take()
    assert (again.id, again.attempt, again.crashes) == (lease.id, 1, 0)


async def test_an_id_of_another_time_is_another_job(queues: Queues) -> None:
    """Numbers start again when Redis lost its data."""
    await queues.add(1)
    (lease,) = await queues.take()
    await queues.source.settle([Dead(lease, "x", b"")])
    other = lease.id.partition("@")[0] + "@1"
    assert await queues.source.replay([other]) == [False]
    assert await queues.source.drop([other, lease.id]) == [False, True]


async def test_dropping_removes_all_keys_of_the_job_and_says_so(queues: Queues) -> None:
    await queues.add(1)
    (lease,) = await queues.take()
    await queues.redis.rpush(queues.key("1:logs"), "a line")
    await queues.source.settle([Dead(lease, "x", b"")])
    assert await queues.source.drop([lease.id]) == [True]
    assert [key async for key in queues.redis.scan_iter(queues.key("1*"))] == []
    assert (await queues.events())[-1] == "removed"
