"""The keys of a Sockudo v1 list: their names, types, and that none stays behind."""

from __future__ import annotations

import time

import pytest
from redis.crc import key_slot
from support.redis_server import RedisServer
from support.redis_sources import push, take, v1_source

from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Ack, Dead, NewJob, Retry
from sockq.drivers.redis import v1_list_keys
from sockq.drivers.sockudo_v1_format import Keys


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
    names = [keys.list, keys.intake, keys.front, keys.ready, keys.delayed, keys.deadlines]
    names += [keys.leased, keys.claims("host:1:2"), keys.claim("0" * 25)]
    names += [keys.dead, keys.dead_jobs]
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
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
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
        await push(source, [b"more"])
        await source.reclaim(None)  # behind the rest
        await push(source, [b"last"])
        client, keys = source._client, source.keys
        assert await source.trim_dead(1, 0.0) == 1
        found = await client.command("KEYS", f"*{redis_prefix}*")
        matched = await client.command("KEYS", f"{redis_prefix}:queue:*")
        assert matched == [keys.list.encode()]
        assert set(found) == {
            key.encode()
            for key in (
                keys.list,
                keys.intake,
                keys.front,
                keys.ready,
                keys.delayed,
                keys.deadlines,
                keys.leased,
                keys.claims("owner-1"),
                keys.claim(leases[5].receipt[:25]),
                keys.dead,
                keys.dead_jobs,
            )
        }


async def test_settled_jobs_leave_nothing_behind(any_redis: RedisServer, redis_prefix: str) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await push(source, [b"%d" % n for n in range(20)])
        leases = [*await take(source, 10), *await take(source, 10, "owner-2")]
        await source.extend(leases[5:15], 60.0)
        assert all(await source.settle([Ack(lease) for lease in leases]))
        assert await source._client.command("KEYS", f"*{redis_prefix}*") == []


async def test_a_key_of_another_type_is_refused_and_left_alone(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    async with v1_source(any_redis, redis_prefix) as source:
        await source._client.command("SET", source.keys.list, "mine")
        for verb in (source.claim(1, 0.0, "owner-1"), source.enqueue([NewJob(b"a")])):
            with pytest.raises(BackendRefused, match="wrong kind of value"):
                await verb
        with pytest.raises(BackendRefused, match="wrong kind of value"):
            await source.reclaim(None)
        assert await source._client.command("GET", source.keys.list) == b"mine"


async def test_the_oldest_job_is_found_in_every_list(
    any_redis: RedisServer, redis_prefix: str
) -> None:
    def job(age_seconds: float) -> bytes:
        return b'{"payload":{"time_ms":%d}}' % ((time.time() - age_seconds) * 1000)

    async with v1_source(any_redis, redis_prefix) as source:
        assert (await source.stats()).oldest_seconds is None
        await push(source, [job(10)])
        await source.reclaim(None)  # now in the intake
        assert 9 < ((await source.stats()).oldest_seconds or 0) < 15
        await push(source, [job(20)])
        assert 19 < ((await source.stats()).oldest_seconds or 0) < 25
        await source.enqueue([NewJob(job(30), id="x")])
        assert 29 < ((await source.stats()).oldest_seconds or 0) < 35
