"""How long a claim on a Sockudo v1 list waits, and what it asks the server meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.redis_server import RedisServer
from support.redis_sources import claims_wait, push, v1_source
from support.until import async_until

from sockq.drivers.job import NewJob, Release
from sockq.drivers.sockudo_v1 import SockudoV1Source
from sockq.drivers.sockudo_v1_waiting import Outlook, slice_seconds


@pytest.mark.parametrize(
    ("active_until", "outlook", "seconds"),
    [
        (None, Outlook(None, busy=False), 2.5),
        (None, Outlook(None, busy=True), 1.0),
        (None, Outlook(7.0, busy=False), 1.0),
        (99.0, Outlook(None, busy=False), 1.0),
        (100.0, Outlook(None, busy=True), 1.0),
        (100.1, Outlook(None, busy=False), 0.25),
    ],
)
def test_a_source_looks_as_often_as_there_may_be_something(
    active_until: float | None, outlook: Outlook, seconds: float
) -> None:
    assert slice_seconds(100.0, active_until, outlook) == seconds


async def calls(source: SockudoV1Source, *commands: str) -> int:
    """Return how often the server has run these."""
    stats = await source._client.command("INFO", "commandstats")
    return sum(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"] for command in commands)


async def test_an_unused_source_asks_little(any_redis: RedisServer, redis_prefix: str) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        before = await calls(source, "eval", "evalsha"), await calls(source, "blmove")
        started = time.monotonic()
        assert await source.claim(1, 3.0, "owner-1") == []
        assert time.monotonic() - started >= 3.0
        after = await calls(source, "eval", "evalsha"), await calls(source, "blmove")
        # One look, which may be refused twice until the script is known; slices of 2.5 and 0.5 s.
        assert after[0] - before[0] <= 3
        assert after[1] - before[1] == 2


async def test_an_unused_source_hears_of_a_push_at_once_and_of_the_rest_soon(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with (
        v1_source(any_redis, redis_prefix) as source,
        v1_source(any_redis, redis_prefix) as other,
    ):
        claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))
        await claims_wait(other._client, "blmove")
        start = time.monotonic()
        await other.enqueue([NewJob(b"a", "as if it were replayed")])
        assert [lease.payload for lease in await claim] == [b"a"]
        assert time.monotonic() - start < 2.5 + 0.5


async def test_a_long_quiet_claim_hears_of_a_push_and_of_a_released_job(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with (
        v1_source(any_redis, redis_prefix) as source,
        v1_source(any_redis, redis_prefix) as other,
    ):
        await push(source, [b"a"])
        (lease,) = await source.claim(1, 0.0, "owner-1")  # it was active a moment ago
        for wake in (lambda: other.settle([Release(lease)]), lambda: push(other, [b"b"])):
            claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))
            await asyncio.sleep(0.6)  # beyond two slices, into the third
            assert not claim.done()
            start = time.monotonic()
            await wake()
            assert len(await claim) == 1
            assert time.monotonic() - start < 0.25 + 0.5


async def test_a_claim_that_waited_in_vain_does_not_look_again(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        assert await source.claim(1, 0.0, "owner-1") == []
        before = await calls(source, "evalsha")
        for _ in range(3):
            assert await source.claim(1, 0.02, "owner-1") == []
        assert await calls(source, "evalsha") - before == 3


async def test_without_blmove_a_claim_looks_in_slices(redis_prefix: str) -> None:
    with RedisServer("--rename-command", "BLMOVE", "") as server:
        async with v1_source(server, redis_prefix) as source:
            claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))

            async def looked_behind_the_refusal() -> bool:
                return await calls(source, "exists") > 0

            await async_until(looked_behind_the_refusal)
            await push(source, [b"a"])
            assert [lease.payload for lease in await claim] == [b"a"]
