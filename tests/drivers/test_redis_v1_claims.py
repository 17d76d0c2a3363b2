"""Claims of a Sockudo v1 list: one list and one entry each, gone with their last lease."""

from __future__ import annotations

import time

import pytest
from support.redis_server import RedisServer
from support.redis_sources import drain, push, take, v1_source

from sockq.drivers.job import Ack, Dead, Lease, NewJob, Release, Retry, Settlement
from sockq.drivers.sockudo_v1 import SockudoV1Source


async def end(source: SockudoV1Source, *members: str) -> None:
    """Let ends of leases pass."""
    past = time.time_ns() // 1_000_000 - 1_000
    for member in members:
        assert await source._client.command("ZADD", source.keys.deadlines, "XX", past, member) == 0
        assert await source._client.command("ZSCORE", source.keys.deadlines, member)


async def test_a_straggler_keeps_its_claim_and_nothing_else(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(128)]
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, payloads)
        leases = await source.claim(128, 0.0, "owner-1")
        others = leases[:77] + leases[78:]
        assert all(await source.settle([Ack(lease) for lease in others]))
        assert await source.settle([Ack(lease) for lease in others]) == [False] * 127
        assert (await source.stats()).leased == 1
        assert await source.extend(leases, 60.0) == [lease is leases[77] for lease in leases]
        assert await source.settle([Retry(leases[77], 0.0, b"s")]) == [True]
        keys = await source._client.command("KEYS", f"*{redis_prefix}*")
        assert keys == [source.keys.ready.encode()]
        (again,) = await take(source, 1)
        assert (again.id, again.payload) == (leases[77].id, payloads[77])


async def test_what_moved_on_takes_no_room_in_its_claim(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, [b"%d" % n * 10_000 for n in range(5)])
        leases = await take(source, 5)
        await source.settle(
            [Retry(leases[0], 60.0, b""), Release(leases[2]), Dead(leases[3], "gone", b"")]
        )
        stored = await source._client.command(
            "LRANGE", source.keys.claim(leases[0].receipt[:25]), 0, -1
        )
        assert [len(payload) for payload in stored] == [0, 10_000, 0, 0, 10_000]


async def test_large_claims_of_both_kinds(any_redis: RedisServer, redis_prefix: str) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await source.enqueue([NewJob(b"touched %d" % n, f"{n}") for n in range(700)])
        await push(source, [b"fresh %d" % n for n in range(700)])
        leases = await source.claim(5_000, 0.0, "owner-1")
        assert len(leases) == 1_000, "the bound of a claim"
        assert [lease.payload for lease in leases] == [
            *[b"touched %d" % n for n in range(500)],
            *[b"fresh %d" % n for n in range(500)],
        ]
        ids = {lease.payload: lease.id for lease in leases}
        assert all(await source.extend(leases[::3], 60.0))
        assert all(await source.settle([Retry(lease, 0.0, b"s") for lease in leases[::2]]))
        assert all(await source.settle([Ack(lease) for lease in leases[1::4]]))
        assert (await source.stats()).leased == 250
        assert await source.reclaim("owner-1") == 250
        again = await take(source, 950)
        assert {lease.payload for lease in again} & {x.payload for x in leases[1::4]} == set()
        assert all(ids.get(lease.payload, lease.id) == lease.id for lease in again)
        assert {lease.attempt for lease in again if lease.payload in ids} == {1, 2}


async def test_leases_extended_alone_end_alone(any_redis: RedisServer, redis_prefix: str) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, [b"%d" % n for n in range(6)])
        leases = await take(source, 6)
        claim = leases[0].receipt[:25]
        assert all(await source.extend(leases[2:5], 60.0))
        await end(source, f"b{claim}owner-1", f"x{leases[3].receipt}owner-1")
        assert await source.reclaim(None) == 4
        assert await source.reclaim(None) == 0
        assert (await source.stats()).leased == 2
        again = await take(source, 4, "owner-2")
        assert [lease.id for lease in again] == [leases[n].id for n in (0, 1, 3, 5)]
        await end(source, f"x{leases[2].receipt}owner-1", f"x{leases[4].receipt}owner-1")
        assert all(await source.extend(leases[4:5], 60.0)), "until it is swept it can be saved"
        assert await source.reclaim(None) == 1
        assert await source.settle([Ack(lease) for lease in leases]) == [False] * 4 + [True, False]
        assert await source._client.command("EXISTS", source.keys.claim(claim)) == 0


async def test_a_sweep_of_a_large_claim_goes_on_where_it_stopped(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(1_100)]
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, payloads)
        leases = [*await source.claim(900, 0.0, "owner-1"), *await take(source, 200)]
        await source.extend(leases[100:110], 60.0)
        await end(source, f"b{leases[0].receipt[:25]}owner-1", f"b{leases[-1].receipt[:25]}owner-1")
        await end(source, f"x{leases[105].receipt}owner-1")
        ended = []
        while count := await source.reclaim(None):
            ended.append(count)
        assert ended == [500, 500, 91]
        assert await drain(source) == payloads[:100] + payloads[105:106] + payloads[110:]
        assert (await source.stats()).leased == 9


async def test_a_claim_whose_list_somebody_deleted_ends(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, [b"%d" % n for n in range(4)])
        leases = await take(source, 4)
        await source._client.command("DEL", source.keys.claim(leases[0].receipt[:25]))
        assert await source.settle([Retry(leases[0], 0.0, b""), Ack(leases[1])]) == [False, True]
        assert await source.reclaim("owner-1") == 2
        assert await source.reclaim("owner-1") == 0
        assert await source._client.command("KEYS", f"*{redis_prefix}*") == []


@pytest.mark.parametrize("receipt", ["", "x" * 32, "0" * 25 + "2001001", "0" * 25 + "200000é"])
async def test_a_receipt_of_another_source_is_nobodys(
    any_redis: RedisServer, redis_prefix: str, receipt: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, [b"a", b"b"])
        ours, kept = await take(source, 2)
        foreign = Lease("id", b"payload", 1, receipt, "owner-1")
        near = Lease("id", b"payload", 1, ours.receipt[:25] + "2000009", "owner-1")
        batch: list[Settlement] = [
            Retry(near, 0.0, b""),
            Dead(foreign, "x", b""),
            Release(foreign),
            Release(near),
        ]
        assert await source.settle(batch) == [False] * 4
        assert await source.settle([Ack(foreign), Ack(ours), Ack(near)]) == [False, True, False]
        assert await source.extend([foreign, near, kept, kept], 60.0) == [False, False, True, True]
        assert await source.settle([Ack(kept)]) == [True]
        assert (await source.stats()).leased == 0
