"""Who comes first in a Sockudo v1 list, and who hears of it; on 7 and 6.2."""

from __future__ import annotations

import asyncio
import random
import time

from support.redis_server import RedisServer
from support.redis_sources import claims_wait, drain, push, take, v1_source

from sockq.drivers.job import NewJob, Release


async def test_released_jobs_come_back_in_their_first_order(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(1_500)]
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, payloads)
        leases = [lease for _ in range(10) for lease in await take(source, 120)]
        random.Random(7).shuffle(leases)
        assert all(await source.settle([Release(lease) for lease in leases]))
        assert [lease.payload for lease in await take(source, 1_200)][:600] == payloads[:600]


async def test_a_dead_owners_jobs_come_back_in_their_first_order(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(1_200)]
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, payloads)
        await take(source, 700)
        leases = await take(source, 500)
        assert all(await source.settle([Release(lease) for lease in leases]))
        await take(source, 500)  # records this time
        ended = []
        while n := await source.reclaim("owner-1"):
            ended.append(n)
        assert ended == [500, 500, 200]
        assert await drain(source) == payloads


async def test_neither_fresh_nor_touched_jobs_starve(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await source.enqueue([NewJob(b"touched", id=f"{n}") for n in range(100)])
        await push(source, [b"fresh"] * 100)
        for limit, touched in ((10, 5), (7, 4), (2, 1)):
            leases = await take(source, limit)
            assert [lease.payload for lease in leases].count(b"touched") == touched
        singles = [(await take(source, 1))[0].payload for _ in range(6)]
        assert sorted(singles) == [b"fresh"] * 3 + [b"touched"] * 3


async def test_what_one_kind_lacks_the_other_fills(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await source.enqueue([NewJob(b"touched", id=f"{n}") for n in range(3)])
        await push(source, [b"fresh"] * 20)
        leases = await source.claim(20, 0.0, "owner-1")
        assert [lease.payload for lease in leases] == [b"touched"] * 3 + [b"fresh"] * 17


async def test_a_waiting_claim_notices_a_released_job(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with (
        v1_source(any_redis, redis_prefix) as source,
        v1_source(any_redis, redis_prefix) as other,
    ):
        await push(source, [b"a"])
        (lease,) = await source.claim(1, 0.0, "owner-1")  # it was active a moment ago
        claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))
        await claims_wait(other._client, "blmove")
        start = time.monotonic()
        assert await other.settle([Release(lease)]) == [True]
        assert [again.id for again in await claim] == [lease.id]
        assert time.monotonic() - start < 0.25 + 0.5


async def test_a_wait_may_be_longer_than_the_bound_on_answers(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix, response_timeout_seconds=0.2) as source:
        assert await source.claim(1, 1.2, "owner-1") == []
