"""What is particular to jobs of a Sockudo v1 list: their bytes, ids and sizes; on 7 and 6.2."""

from __future__ import annotations

import asyncio
import re

from support.marks import marks
from support.redis_server import RedisServer
from support.redis_sources import push, take, v1_source

from sockq.drivers.job import Ack, Dead, Lease, NewJob, Release, Retry


def uncommon_payloads() -> list[bytes]:
    return [
        b"",
        b"\x00",
        b"\xff\xfe not UTF-8 \r\n",
        b"r1 3 0 0 0 0;abc",  # looks like a record of ours
        b"r1 99 99 99 1 1;",
        bytes(range(256)) * 3,
        b'{"payload":{"time_ms":1,"events":[]}}',
        b"x" * 10_000_000,
    ]


async def test_any_bytes_and_the_id_survive_every_path(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    payloads = uncommon_payloads()
    state = bytes(range(256))
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, payloads)
        leases = await take(source, len(payloads))
        ids = [lease.id for lease in leases]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in ids)

        def check(leases: list[Lease], attempt: int, crashes: int, state: bytes) -> None:
            assert [lease.payload for lease in leases] == payloads
            assert [lease.id for lease in leases] == ids
            assert {(x.attempt, x.crashes, x.state) for x in leases} == {(attempt, crashes, state)}

        check(leases, 1, 0, b"")
        assert all(await source.settle([Release(lease) for lease in leases]))
        check(leases := await take(source, len(ids)), 1, 0, b"")
        assert all(await source.settle([Retry(lease, 0.0, state) for lease in leases]))
        check(leases := await take(source, len(ids)), 2, 0, state)
        # One call after the other: due times in the order of the payloads.
        for lease in leases:
            assert await source.settle([Retry(lease, 0.001, state)]) == [True]
            await asyncio.sleep(0.002)
        check(leases := await take(source, len(ids)), 3, 0, state)
        assert await source.reclaim("owner-1", blamed=marks(leases)) == len(ids)
        check(leases := await take(source, len(ids)), 3, 1, state)
        assert all(await source.settle([Dead(x, "why: ü\n", b"end") for x in leases]))
        letters = {letter.id: letter for letter in (await source.dead_letters(None, 99)).letters}
        assert [letters[id_].payload for id_ in ids] == payloads
        assert {(x.reason, x.state, x.attempt) for x in letters.values()} == {
            ("why: ü\n", b"end", 3)
        }
        assert await source.replay(ids) == [True] * len(ids)
        check(leases := await take(source, len(ids)), 1, 0, b"end")
        assert all(await source.settle([Ack(lease) for lease in leases]))
        assert (await source.stats()).ready == 0


async def test_a_claim_of_large_jobs_is_cut_to_a_bounded_answer(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    payloads = [bytes([n]) * 9_000_000 for n in range(4)]
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, payloads)
        first = await source.claim(100, 0.0, "owner-1")
        assert [lease.payload for lease in first] == payloads[:2]
        assert [lease.payload for lease in await take(source, 2)] == payloads[2:]


async def test_explicit_ids_and_places(any_redis: RedisServer, redis_prefix: str) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, [b"there"])
        places = await source.enqueue([NewJob(b"a"), NewJob(b"b", id="my id ü"), NewJob(b"c")])
        assert places == [f"{source.name}[1]", "my id ü", f"{source.name}[2]"]
        ids = {lease.payload: lease.id for lease in await take(source, 4)}
        assert ids[b"b"] == "my id ü"
        (delayed,) = await source.enqueue([NewJob(b"d")], 0.02)
        (lease,) = await source.claim(1, 5.0, "owner-1")
        assert (lease.id, lease.payload) == (delayed, b"d")


async def test_equal_jobs_with_one_id_stay_two_when_delayed(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await source.enqueue([NewJob(b"same", id="same"), NewJob(b"same", id="same")], 0.01)
        assert (await source.stats()).delayed == 2
        (first,) = await source.claim(1, 5.0, "owner-1")
        leases = [first, *await take(source, 1)]
        await source.settle([Retry(lease, 60.0, b"") for lease in leases])
        assert (await source.stats()).delayed == 2
