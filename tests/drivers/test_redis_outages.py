"""Redis that dies, stops answering or is full."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest
from support.redis_server import RedisServer, server_or_skip
from support.redis_sources import drain, push, take, v1_source
from support.until import async_until

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import Ack, Dead, Lease, Release, Retry
from sockq.drivers.source import QueueStats


async def test_killed_connections_lose_nothing(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    payloads = {b"job %d" % n for n in range(3_000)}
    done: list[bytes] = []
    failures = 0
    async with (
        v1_source(redis_server, redis_prefix, lease_seconds=0.5) as source,
        v1_source(redis_server, redis_prefix) as killer,
    ):
        await push(killer, payloads)

        async def work() -> None:
            nonlocal failures
            unsettled: list[Lease] = []
            while len(done) < len(payloads):
                try:
                    await source.reclaim(None)
                    unsettled = unsettled or await source.claim(16, 0.05, "owner-1")
                    acked = await source.settle([Ack(lease) for lease in unsettled])
                except BackendUnavailable:
                    failures += 1
                    continue
                done.extend(x.payload for x, ours in zip(unsettled, acked, strict=True) if ours)
                unsettled = []

        task = asyncio.create_task(work())
        kills = 0
        while not task.done() and kills < 60:
            kills += 1
            await killer._client.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await asyncio.sleep(0.003)

        # An ack whose answer was lost took effect without being counted.
        async def nothing_left() -> bool:
            stats = await killer.stats()
            return not stats.ready and not stats.leased

        await async_until(nothing_left, 20.0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert failures > 3
        assert len(set(done)) == len(done)
        assert set(done) <= payloads
        assert len(payloads) - len(done) <= 16 * failures


async def test_a_waiting_claim_whose_connection_is_killed_says_so_and_goes_on(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    async with (
        v1_source(redis_server, redis_prefix) as source,
        v1_source(redis_server, redis_prefix) as killer,
    ):
        claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))

        async def blocked() -> bool:
            clients: bytes = await killer._client.command("CLIENT", "LIST", "TYPE", "normal")
            return b"cmd=blmove" in str(clients).encode().lower()

        await async_until(blocked)
        await killer._client.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(BackendUnavailable, match="no Redis answers"):
            await claim
        await push(killer, [b"a"])
        assert await drain(source) == [b"a"]


async def test_a_server_that_hangs_is_noticed_in_time_and_its_jobs_come_back(
    redis_prefix: str,
) -> None:
    with RedisServer() as server:
        async with v1_source(
            server, redis_prefix, lease_seconds=0.2, response_timeout_seconds=0.3
        ) as source:
            await push(source, [b"a"])
            os.kill(server.pid, signal.SIGSTOP)
            with pytest.raises(BackendUnavailable, match="no answer in time"):
                await source.claim(1, 0.0, "owner-1")
            os.kill(server.pid, signal.SIGCONT)

            # The server may still run the claim whose answer nobody read.
            async def again() -> list[Lease]:
                await source.reclaim(None)
                return await source.claim(1, 0.1, "owner-1")

            (lease,) = await async_until(again)
            assert lease.payload == b"a"


@pytest.mark.parametrize("old", [False, True], ids=["7", "6"])
async def test_a_server_that_is_killed_and_restarted_keeps_every_job(
    redis_prefix: str, old: bool
) -> None:
    payloads = [b"job %d" % n for n in range(100)]
    options = ("--appendonly", "yes", "--appendfsync", "always")
    with RedisServer(*options, binary=server_or_skip(old=old)) as server:
        async with v1_source(server, redis_prefix) as source:
            await push(source, payloads[:50])
            leases = await take(source, 40)
            await push(source, payloads[50:])
            assert all(
                await source.settle(
                    [
                        *[Dead(lease, "gone", b"s") for lease in leases[:5]],
                        *[Retry(lease, 3_600.0, b"s") for lease in leases[5:10]],
                        *[Release(lease) for lease in leases[10:20]],
                    ]
                )
            )
            before = await source.stats()
            assert before == QueueStats(70, 20, 5, 5)
            server.kill()
            with pytest.raises(BackendUnavailable):
                await source.stats()
            server.restart()
            assert await source.stats() == before
            assert all(await source.settle([Ack(lease) for lease in leases[20:30]]))
            assert await source.reclaim("owner-1") == 10
            # What was given back last is in front; the rest in the order of the queue.
            everything = await drain(source)
            assert sorted(everything) == sorted(payloads[10:20] + payloads[30:])
            letters = (await source.dead_letters(None, 10)).letters
            assert [letter.payload for letter in letters] == payloads[:5]


@pytest.mark.parametrize("old", [False, True], ids=["7", "6"])
async def test_a_full_server_can_be_emptied(redis_prefix: str, old: bool) -> None:
    """Out of memory is where a queue must drain: claiming and settling go on, enqueueing waits."""
    with RedisServer("--maxmemory-policy", "noeviction", binary=server_or_skip(old=old)) as server:
        async with v1_source(server, redis_prefix) as source:
            await push(source, [b"%d" % n * 100 for n in range(500)])
            await source.reclaim(None)
            await push(source, [b"%d" % n * 100 for n in range(500, 1_000)])
            await source.stats()  # loads that script
            server.cli("CONFIG", "SET", "maxmemory", 1)
            with pytest.raises(BackendUnavailable, match=r"is not ready: .*'maxmemory'"):
                await push(source, [b"more"])
            leases = await take(source, 400)
            settled = await source.settle(
                [
                    *[Ack(lease) for lease in leases[:100]],
                    *[Retry(lease, 0.0, b"s") for lease in leases[100:200]],
                    *[Retry(lease, 0.001, b"s") for lease in leases[200:250]],
                    *[Release(lease) for lease in leases[250:300]],
                    *[Dead(lease, "gone", b"s") for lease in leases[300:350]],
                ]
            )
            assert all(settled)
            assert await source.reclaim("owner-1") == 50
            dead = [letter.id for letter in (await source.dead_letters(None, 100)).letters]
            assert all(await source.replay(dead))

            async def all_due() -> bool:
                await source.reclaim(None)
                return (await source.stats()).delayed == 0

            await async_until(all_due)
            assert len(await drain(source)) == 900
