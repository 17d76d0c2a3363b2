"""Hosts leave word in Redis, are seen by the others, and are forgotten: on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer
from support.until import async_until

from sockq.drivers.none import NoneDriver
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import (
    BullmqSettings,
    DriverSettings,
    RedisClusterSettings,
    RedisSettings,
)
from sockq.drivers.source import Driver

MakeSettings = Callable[[str], DriverSettings]


@pytest.fixture(params=["redis", "redis-6", "cluster", "soketi", "soketi-cluster"])
def settings(request: pytest.FixtureRequest, redis_prefix: str) -> DriverSettings:
    """Each kind of Redis."""
    if request.param in {"cluster", "soketi-cluster"}:
        cluster: RedisCluster = request.getfixturevalue("redis_cluster")
        nodes = tuple(f"redis://127.0.0.1:{node.port}" for node in cluster.nodes[:2])
        if request.param == "cluster":
            return RedisClusterSettings(nodes=nodes, prefix=redis_prefix)
        return BullmqSettings(nodes=nodes, prefix=f"{{{redis_prefix}}}:")
    server: RedisServer = request.getfixturevalue(
        "redis_6" if request.param == "redis-6" else "redis_server"
    )
    if request.param == "soketi":
        return BullmqSettings(url=server.url, prefix=redis_prefix)
    return RedisSettings(url=server.url, prefix=redis_prefix)


@pytest.fixture
async def driver(settings: DriverSettings) -> AsyncIterator[Driver]:
    driver = make_driver(settings)
    await driver.open()
    yield driver
    await driver.close()


async def names(driver: Driver) -> set[str]:
    return {one.name for one in await driver.fleet() or []}


async def test_what_a_host_leaves_is_read_by_others(driver: Driver) -> None:
    assert await driver.fleet() == []
    assert await driver.heartbeat("edge-1", b'{"pid":1}', 30.0)
    assert await driver.heartbeat("edge-2", b"\xff\x00 any bytes", 30.0)
    assert await driver.heartbeat("edge-1", b'{"pid":2}', 30.0)

    found = {one.name: one for one in await driver.fleet() or []}
    assert {name: one.document for name, one in found.items()} == {
        "edge-1": b'{"pid":2}',
        "edge-2": b"\xff\x00 any bytes",
    }
    assert all(0.0 <= one.age_seconds < 5.0 for one in found.values())


async def test_a_host_that_leaves_is_not_shown_any_more(driver: Driver) -> None:
    await driver.heartbeat("edge-1", b"1", 30.0)
    await driver.heartbeat("edge-2", b"2", 30.0)
    await driver.heartbeat("edge-1", b"", 30.0)

    assert await names(driver) == {"edge-2"}


async def test_a_silent_host_is_shown_with_its_age_then_forgotten_by_another(
    driver: Driver,
) -> None:
    await driver.heartbeat("silent", b"1", 30.0)
    await asyncio.sleep(0.05)
    # Remembered for ten times as long as it is believed.
    await driver.heartbeat("alive", b"2", 0.1)

    ages = {one.name: one.age_seconds for one in await driver.fleet() or []}
    assert ages["silent"] - ages["alive"] >= 0.04

    async def pruned() -> bool:
        await driver.heartbeat("alive", b"2", 0.005)
        return await names(driver) == {"alive"}

    await async_until(pruned)


async def test_nothing_remains_where_nobody_is_left(driver: Driver) -> None:
    await driver.heartbeat("last", b"1", 0.005)

    async def gone() -> bool:
        return await driver.fleet() == []

    await async_until(gone)


async def test_the_keys_stay_out_of_what_a_stopping_server_deletes(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    driver = make_driver(RedisSettings(url=redis_server.url, prefix=redis_prefix))
    await driver.open()
    await driver.heartbeat("edge-1", b"1", 30.0)
    await driver.close()

    pattern = f"{redis_prefix}:queue:*"
    assert redis_server.cli("KEYS", pattern) == ""
    assert len(redis_server.cli("KEYS", f"*{redis_prefix}*:fleet*").splitlines()) == 2


async def test_connections_say_who_they_are(redis_server: RedisServer, redis_prefix: str) -> None:
    driver = make_driver(RedisSettings(url=redis_server.url, prefix=redis_prefix))
    await driver.open()
    try:
        assert " name=sockq " in redis_server.cli("CLIENT", "LIST")
    finally:
        await driver.close()


async def test_a_user_who_may_not_say_so_can_still_connect(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    user = redis_prefix.strip(":")
    rule = ["on", ">hush", "~*", "+@all", "-client"]
    assert redis_server.cli("ACL", "SETUSER", user, *rule) == "OK"
    url = redis_server.url.replace("://", f"://{user}:hush@")
    driver = make_driver(RedisSettings(url=url, prefix=redis_prefix))
    try:
        await driver.open()
        assert await driver.heartbeat("edge-1", b"1", 30.0)
    finally:
        await driver.close()
        redis_server.cli("ACL", "DELUSER", user)


async def test_a_backend_without_a_place_for_it_says_so() -> None:
    driver = NoneDriver()
    assert not await driver.heartbeat("edge-1", b"1", 30.0)
    assert await driver.fleet() is None
