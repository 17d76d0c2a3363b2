"""What stands in the server's list is taken from there at once, and its order kept."""

from __future__ import annotations

import asyncio

import pytest
from support.redis_server import RedisServer
from support.redis_sources import claims_wait, drain, push, v1_source

from sockq.drivers.sockudo_v1 import SockudoV1Source
from sockq.drivers.sockudo_v1_waiting import Outlook


async def stop_a_4x_server(source: SockudoV1Source, prefix: str) -> None:
    """Delete what a clean stop of such a server deletes."""
    cursor = b"0"
    while True:
        cursor, keys = await source._client.command(
            "SCAN", cursor, "MATCH", f"{prefix}:queue:*", "COUNT", 1_000
        )
        if keys:
            await source._client.command("DEL", *keys)
        if int(cursor) == 0:
            return


@pytest.mark.parametrize("look", ["claim", "sweep"])
async def test_one_look_takes_a_whole_backlog_into_custody(
    any_redis: RedisServer, redis_prefix: str, look: str
) -> None:
    payloads = [b"job %d" % n for n in range(50_000)]
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, payloads)
        if look == "claim":
            first = [lease.payload for lease in await source.claim(1, 0.0, "owner-1")]
        else:
            assert await source.reclaim(None) == 0
            first = []
        await stop_a_4x_server(source, redis_prefix)
        assert first + await drain(source, 5_000) == payloads


async def test_jobs_behind_a_backlog_are_taken_in_steps_and_in_order(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(12_500)]
    async with v1_source(any_redis, redis_prefix) as source:
        for first, behind in ((0, 100), (100, 300), (300, 12_500)):
            await push(source, payloads[first:behind])
            await source.reclaim(None)  # by its name, twice; then there are two lists to go behind
            assert await source._client.command("EXISTS", source.keys.list) == 0
        await stop_a_4x_server(source, redis_prefix)
        assert (await source.stats()).ready == len(payloads)
        assert await drain(source) == payloads


async def test_one_claim_takes_from_all_lists_in_order(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(12)]
    async with v1_source(any_redis, redis_prefix) as source:
        for first in (0, 4):
            await push(source, payloads[first : first + 4])
            await source.reclaim(None)
        await push(source, payloads[8:])
        assert [lease.payload for lease in await source.claim(10, 0.0, "owner-1")] == payloads[:10]
        assert await drain(source) == payloads[10:]


async def test_a_job_that_a_waiting_claim_sees_is_in_custody_at_once(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        wait = asyncio.create_task(source._waiting.wait(5.0, Outlook(None, busy=False)))
        await claims_wait(source._client, "blmove")
        await push(source, [b"a"])
        await wait
        client = source._client
        assert await client.command("EXISTS", source.keys.list) == 0
        assert await client.command("LRANGE", source.keys.intake, 0, -1) == [b"a"]


async def test_an_expiry_set_on_the_list_does_not_reach_the_intake(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, [b"a"])
        await source._client.command("EXPIRE", source.keys.list, 1_000)
        await source.reclaim(None)
        assert await source._client.command("TTL", source.keys.intake) == -1
