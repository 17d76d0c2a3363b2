"""What is particular to the Sockudo v1 list: custody, ids, bytes, order, keys; on 7 and 6.2."""

from __future__ import annotations

import asyncio
import random
import re
import time

import pytest
from redis.crc import key_slot
from support.redis_server import RedisServer
from support.redis_sources import drain, push, take, v1_source

from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Ack, Dead, Lease, NewJob, Release, Retry
from sockq.drivers.redis import v1_list_keys
from sockq.drivers.sockudo_v1 import SockudoV1Source
from sockq.drivers.sockudo_v1_format import Keys


@pytest.fixture(params=["redis_server", "redis_6"])
def server(request: pytest.FixtureRequest) -> RedisServer:
    server: RedisServer = request.getfixturevalue(request.param)
    return server


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


# Custody.


@pytest.mark.parametrize("look", ["claim", "sweep"])
async def test_one_look_takes_a_whole_backlog_into_custody(
    server: RedisServer, redis_prefix: str, look: str
) -> None:
    payloads = [b"job %d" % n for n in range(50_000)]
    async with v1_source(server, redis_prefix) as source:
        await push(source, payloads)
        if look == "claim":
            first = [lease.payload for lease in await source.claim(1, 0.0, "owner-1")]
        else:
            assert await source.reclaim(None) == 0
            first = []
        await stop_a_4x_server(source, redis_prefix)
        assert first + await drain(source, 5_000) == payloads


async def test_jobs_behind_a_backlog_are_taken_in_steps_and_in_order(
    server: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(12_500)]
    async with v1_source(server, redis_prefix) as source:
        await push(source, payloads[:100])
        await source.reclaim(None)
        await push(source, payloads[100:])  # the intake holds jobs: no renaming
        (first,) = await source.claim(1, 0.0, "owner-1")
        assert await source._client.command("EXISTS", source.keys.list) == 0
        await stop_a_4x_server(source, redis_prefix)
        assert [first.payload, *await drain(source)] == payloads


async def test_a_job_that_a_waiting_claim_sees_is_in_custody_at_once(
    server: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(server, redis_prefix) as source:
        wait = asyncio.create_task(source._waiting.wait(5.0, None))
        await asyncio.sleep(0.02)  # the wait has no visible sign
        await push(source, [b"a"])
        await wait
        client = source._client
        assert await client.command("EXISTS", source.keys.list) == 0
        assert await client.command("LRANGE", source.keys.intake, 0, -1) == [b"a"]


async def test_an_expiry_set_on_the_list_does_not_reach_the_intake(
    server: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(server, redis_prefix) as source:
        await push(source, [b"a"])
        await source._client.command("EXPIRE", source.keys.list, 1_000)
        await source.reclaim(None)
        assert await source._client.command("TTL", source.keys.intake) == -1


# Ids and bytes.


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
    server: RedisServer, redis_prefix: str
) -> None:
    payloads = uncommon_payloads()
    state = bytes(range(256))
    async with v1_source(server, redis_prefix) as source:
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
        check(await take(source, len(ids)), 3, 0, state)
        assert await source.reclaim("owner-1") == len(ids)
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
    server: RedisServer, redis_prefix: str
) -> None:
    payloads = [bytes([n]) * 9_000_000 for n in range(4)]
    async with v1_source(server, redis_prefix) as source:
        await push(source, payloads)
        first = await source.claim(100, 0.0, "owner-1")
        assert [lease.payload for lease in first] == payloads[:2]
        assert [lease.payload for lease in await take(source, 2)] == payloads[2:]


async def test_explicit_ids_and_places(server: RedisServer, redis_prefix: str) -> None:
    async with v1_source(server, redis_prefix) as source:
        await push(source, [b"there"])
        places = await source.enqueue([NewJob(b"a"), NewJob(b"b", id="my id ü"), NewJob(b"c")])
        assert places == [f"{source.name}[1]", "my id ü", f"{source.name}[2]"]
        ids = {lease.payload: lease.id for lease in await take(source, 4)}
        assert ids[b"b"] == "my id ü"
        (delayed,) = await source.enqueue([NewJob(b"d")], 0.02)
        (lease,) = await source.claim(1, 5.0, "owner-1")
        assert (lease.id, lease.payload) == (delayed, b"d")


async def test_equal_jobs_with_one_id_stay_two_when_delayed(
    server: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(server, redis_prefix) as source:
        await source.enqueue([NewJob(b"same", id="same"), NewJob(b"same", id="same")], 0.01)
        assert (await source.stats()).delayed == 2
        (first,) = await source.claim(1, 5.0, "owner-1")
        leases = [first, *await take(source, 1)]
        await source.settle([Retry(lease, 60.0, b"") for lease in leases])
        assert (await source.stats()).delayed == 2


# Order and fairness.


async def test_released_jobs_come_back_in_their_first_order(
    server: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(1_500)]
    async with v1_source(server, redis_prefix) as source:
        await push(source, payloads)
        leases = [lease for _ in range(10) for lease in await take(source, 120)]
        random.Random(7).shuffle(leases)
        assert all(await source.settle([Release(lease) for lease in leases]))
        assert [lease.payload for lease in await take(source, 1_200)][:600] == payloads[:600]


async def test_a_dead_owners_jobs_come_back_in_their_first_order(
    server: RedisServer, redis_prefix: str
) -> None:
    payloads = [b"job %d" % n for n in range(1_200)]
    async with v1_source(server, redis_prefix) as source:
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
    server: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(server, redis_prefix) as source:
        await source.enqueue([NewJob(b"touched", id=f"{n}") for n in range(100)])
        await push(source, [b"fresh"] * 100)
        for limit, touched in ((10, 5), (7, 4), (2, 1)):
            leases = await take(source, limit)
            assert [lease.payload for lease in leases].count(b"touched") == touched
        singles = [(await take(source, 1))[0].payload for _ in range(6)]
        assert sorted(singles) == [b"fresh"] * 3 + [b"touched"] * 3


async def test_what_one_kind_lacks_the_other_fills(server: RedisServer, redis_prefix: str) -> None:
    async with v1_source(server, redis_prefix) as source:
        await source.enqueue([NewJob(b"touched", id=f"{n}") for n in range(3)])
        await push(source, [b"fresh"] * 20)
        leases = await source.claim(20, 0.0, "owner-1")
        assert [lease.payload for lease in leases] == [b"touched"] * 3 + [b"fresh"] * 17


async def test_a_waiting_claim_notices_a_released_job(
    server: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(server, redis_prefix) as source, v1_source(server, redis_prefix) as other:
        await push(source, [b"a"])
        (lease,) = await source.claim(1, 0.0, "owner-1")  # it was active a moment ago
        claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))
        await asyncio.sleep(0.05)  # the claim has no visible sign of waiting
        start = time.monotonic()
        assert await other.settle([Release(lease)]) == [True]
        assert [again.id for again in await claim] == [lease.id]
        assert time.monotonic() - start < 0.25 + 0.5


async def test_a_wait_may_be_longer_than_the_bound_on_answers(
    server: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(server, redis_prefix, response_timeout_seconds=0.2) as source:
        assert await source.claim(1, 1.2, "owner-1") == []


# Keys.


@pytest.mark.parametrize(
    "list_key",
    [
        "sockudo_queue::queue:webhooks",
        "sockudo_queue:queue:webhooks",
        "{app}:queue:webhooks",
        "a{b}c:queue:webhooks",
        "odd{:queue:webhooks",
    ],
)
def test_companion_keys_share_the_slot_of_the_list(list_key: str) -> None:
    keys = Keys(list_key)
    names = [keys.list, keys.intake, keys.ready, keys.delayed, keys.deadlines, keys.owners]
    names += [keys.dead, keys.dead_jobs, keys.counters, keys.leased("host:1:2")]
    assert len(set(names)) == len(names)
    assert len({key_slot(name.encode()) for name in names}) == 1


def test_lists_under_one_hash_tag_have_companions_of_their_own() -> None:
    assert Keys("{t}:queue:a").ready != Keys("{t}:queue:b").ready


def test_a_prefix_with_a_colon_has_two_lists() -> None:
    assert v1_list_keys("sockudo_queue:", "webhooks") == [
        "sockudo_queue::queue:webhooks",
        "sockudo_queue:queue:webhooks",
    ]
    assert v1_list_keys("sockudo_queue", "webhooks") == ["sockudo_queue:queue:webhooks"]


async def test_no_companion_key_is_deleted_by_a_stopping_server(
    server: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(server, redis_prefix, dead_limit=1) as source:
        await push(source, [b"%d" % n for n in range(8)])
        leases = await take(source, 6)
        await source.settle(
            [
                Dead(leases[0], "x", b""),
                Dead(leases[1], "x", b""),
                Retry(leases[2], 60.0, b""),
                Retry(leases[3], 0.0, b""),
            ]
        )
        await push(source, [b"last"])
        client = source._client
        assert await client.command("HGET", source.keys.counters, "trimmed") == b"1"
        found = await client.command("KEYS", f"*{redis_prefix}*")
        matched = await client.command("KEYS", f"{redis_prefix}:queue:*")
        assert matched == [source.keys.list.encode()]
        # intake, ready, leased, delayed, deadlines, owners, dead, dead-jobs, counters and the list
        assert len(found) == 10


async def test_settled_jobs_leave_nothing_behind(server: RedisServer, redis_prefix: str) -> None:
    async with v1_source(server, redis_prefix, lease_seconds=0.05) as source:
        await push(source, [b"%d" % n for n in range(20)])
        leases = await take(source, 20)
        await source.extend(leases, 0.05)
        await source.settle([Ack(lease) for lease in leases])
        await asyncio.sleep(0.06)  # the lease's time, by the server's clock
        assert await source.reclaim(None) == 0
        assert await source._client.command("KEYS", f"*{redis_prefix}*") == []


async def test_a_key_of_another_type_is_refused_and_left_alone(
    server: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(server, redis_prefix) as source:
        await source._client.command("SET", source.keys.list, "mine")
        for verb in (source.claim(1, 0.0, "owner-1"), source.enqueue([NewJob(b"a")])):
            with pytest.raises(BackendRefused, match="wrong kind of value"):
                await verb
        with pytest.raises(BackendRefused, match="wrong kind of value"):
            await source.reclaim(None)
        assert await source._client.command("GET", source.keys.list) == b"mine"


async def test_the_oldest_job_is_found_in_every_list(
    server: RedisServer, redis_prefix: str
) -> None:
    def job(age_seconds: float) -> bytes:
        return b'{"payload":{"time_ms":%d}}' % ((time.time() - age_seconds) * 1000)

    async with v1_source(server, redis_prefix) as source:
        assert (await source.stats()).oldest_seconds is None
        await push(source, [job(10)])
        await source.reclaim(None)  # now in the intake
        assert 9 < ((await source.stats()).oldest_seconds or 0) < 15
        await push(source, [job(20)])
        assert 19 < ((await source.stats()).oldest_seconds or 0) < 25
        await source.enqueue([NewJob(job(30), id="x")])
        assert 29 < ((await source.stats()).oldest_seconds or 0) < 35
