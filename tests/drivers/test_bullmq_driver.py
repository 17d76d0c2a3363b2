"""The driver of soketi's queues: chosen by its settings, and what a server may do to it."""

from __future__ import annotations

import pytest
from support.bullmq import bullmq_source
from support.redis_server import RedisServer, server_or_skip

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, Dead, NewJob, Release
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import BullmqSettings


async def test_the_settings_choose_the_driver(redis_server: RedisServer, redis_prefix: str) -> None:
    driver = make_driver(BullmqSettings(redis_server.url, redis_prefix))
    await driver.open()
    (source,) = driver.sources
    assert driver.name == "redis"
    assert (source.name, source.dialect) == (f"{redis_prefix}*_webhooks", "soketi")
    await driver.close()


def test_settings_do_not_show_secrets() -> None:
    settings = BullmqSettings("redis://:secret@h:1/0", nodes=("redis://:secret@n:2",))
    assert "secret" not in repr(settings)


async def test_nothing_listening_is_unavailable() -> None:
    driver = make_driver(BullmqSettings("redis://127.0.0.1:1/0"))
    with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1:1 "):
        await driver.open()
    await driver.close()


async def test_a_key_of_another_type_is_refused_at_the_start(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    redis_server.cli("SET", f"{redis_prefix}cache_miss_webhooks:wait", "x")
    driver = make_driver(BullmqSettings(redis_server.url, redis_prefix))
    with pytest.raises(BackendRefused, match="WRONGTYPE"):
        await driver.open()
    await driver.close()


async def test_a_user_who_may_not_see_the_keys_is_refused_at_the_start() -> None:
    with RedisServer() as server:
        server.cli("ACL", "SETUSER", "bob", "on", ">word", "+@all", "~mine:*")
        url = server.url.replace("//", "//bob:word@")
        driver = make_driver(BullmqSettings(url, "theirs:"))
        with pytest.raises(BackendRefused) as caught:
            await driver.open()
        await driver.close()
        assert "word" not in str(caught.value)
        driver = make_driver(BullmqSettings(url, "mine:"))
        await driver.open()
        assert len(await driver.sources[0].enqueue([NewJob(b"{}")])) == 1
        assert len(await driver.sources[0].claim(1, 0.0, "w:1")) == 1
        await driver.close()


@pytest.mark.parametrize("old", [False, True], ids=["machine's", "6.2"])
async def test_a_full_server_is_worked_off(old: bool) -> None:
    with RedisServer("--maxmemory-policy", "noeviction", binary=server_or_skip(old=old)) as server:
        async with bullmq_source(server, "full:") as source:
            await source.enqueue([NewJob(b"x")] * 60)
            server.cli("CONFIG", "SET", "maxmemory", 1)
            with pytest.raises(BackendUnavailable, match=r"OOM|maxmemory"):
                await source.enqueue([NewJob(b"x")])
            held = await source.claim(20, 0.0, "w:1")
            given_back, dead, lost, *rest = held
            assert await source.extend(rest, 30.0) == [True] * 17
            assert await source.settle([Release(given_back), Dead(dead, "x", b"")]) == [True] * 2
            assert await source.settle([Ack(lease) for lease in rest]) == [True] * 17
            assert await source.reclaim(lost.owner) == 1
            assert len((await source.dead_letters(None, 9)).letters) == 1
            assert await source.replay([dead.id]) == [True]
            assert (await source.stats()).ready == 43
            leases = await source.claim(100, 0.0, "w:1")
            assert await source.settle([Ack(lease) for lease in leases]) == [True] * 43
