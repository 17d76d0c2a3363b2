"""The redis driver follows the master that Sentinels name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trustme
from support.redis_sentinel import SentinelFleet
from support.redis_server import RedisServer
from support.tls import pem_files
from support.until import async_until

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, NewJob
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import LeaseSettings, RedisSettings, SentinelSettings, TlsSettings
from sockq.drivers.source import Driver, Source

FAILOVER_SECONDS = 20.0
NOWHERE = "redis://nowhere.invalid"
JOB = b'{"a":1}'
LAST = b'{"after":1}'


@pytest.fixture
def watched() -> Iterator[SentinelFleet]:
    with SentinelFleet() as fleet:
        yield fleet


async def opened(settings: RedisSettings) -> Driver:
    driver = make_driver(settings)
    try:
        await driver.open()
    except BaseException:
        await driver.close()
        raise
    return driver


async def refused(settings: RedisSettings) -> str:
    with pytest.raises(BackendRefused) as caught:
        await opened(settings)
    return str(caught.value)


class Work:
    """A worker on one source that goes on whatever happens."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.done: set[bytes] = set()
        self.gaps: list[BackendUnavailable] = []

    async def run(self) -> None:
        while True:
            try:
                await self.source.reclaim(None)
                leases = await self.source.claim(16, 0.2, "owner-1")
                self.done |= {lease.payload for lease in leases}
                await self.source.settle([Ack(lease) for lease in leases])
            except BackendUnavailable as error:
                self.gaps.append(error)
                await asyncio.sleep(0.05)

    def has_done(self, count: int) -> bool:
        return len(self.done) >= count

    async def enqueue_last(self) -> bool:
        try:
            return bool(await self.source.enqueue([NewJob(LAST)]))
        except BackendUnavailable:
            return False


@pytest.mark.parametrize("how", ["killed", "planned"])
async def test_the_new_master_is_followed(watched: SentinelFleet, how: str) -> None:
    """What its replica had is delivered; nobody starts anew."""
    settings = SentinelSettings((("127.0.0.1", 1), *watched.nodes))  # the first one is away
    driver = await opened(RedisSettings(NOWHERE, sentinel=settings, lease=LeaseSettings(1.0)))
    works = [
        Work(source) for source in driver.sources if "::" in source.name or "v2" in source.name
    ]
    assert len(works) == 2
    before = [b'{"n":%d}' % n for n in range(200)]
    for work in works:
        await work.source.enqueue([NewJob(payload) for payload in before])
    assert watched.master.cli("WAIT", 1, 2000) == "1"
    tasks = [asyncio.create_task(work.run()) for work in works]
    for work in works:
        await async_until(partial(work.has_done, 16))
    if how == "killed":
        watched.master.kill()
    else:
        # It refuses while it has not heard of the replica for a moment.
        sentinel = watched.sentinels[0]
        await async_until(lambda: sentinel.cli("SENTINEL", "FAILOVER", "mymaster") == "OK")
    await async_until(lambda: is_master(watched.replica), FAILOVER_SECONDS)
    for work in works:
        await async_until(work.enqueue_last, FAILOVER_SECONDS)
        await async_until(partial(work.has_done, len(before) + 1), FAILOVER_SECONDS)
        assert work.done == {*before, LAST}
        assert work.gaps or how == "planned"
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await driver.close()


def is_master(server: RedisServer) -> bool:
    return "role:master" in server.cli("INFO", "replication")


async def test_passwords_of_both_kinds_and_a_wrong_one() -> None:
    with SentinelFleet(password="p@ss") as watched:
        url = "redis://:p%40ss@nowhere.invalid"
        right = SentinelSettings(watched.nodes, password="p@ss")
        driver = await opened(RedisSettings(url, sentinel=right))
        await driver.sources[0].enqueue([NewJob(JOB)])
        assert len(await driver.sources[0].claim(5, 1.0, "owner-1")) == 1
        await driver.close()
        wrong = SentinelSettings(watched.nodes, password="wr0ng")
        text = await refused(RedisSettings(url, sentinel=wrong))
        assert " (a Sentinel) denies access: " in text
        assert "wr0ng" not in text
        assert "wr0ng" not in repr(wrong)


async def test_tls_to_the_sentinels_and_to_the_master(tmp_path: Path) -> None:
    ca, certificate, key = files = pem_files(trustme.CA(), tmp_path)
    tls = TlsSettings(ca_path=ca, client_cert_path=certificate, client_key_path=key)
    with SentinelFleet(tls=files) as watched:
        sentinel = SentinelSettings(watched.nodes, tls=tls)
        driver = await opened(RedisSettings("rediss://nowhere.invalid", tls=tls, sentinel=sentinel))
        await driver.sources[0].enqueue([NewJob(JOB)])
        assert len(await driver.sources[0].claim(5, 1.0, "owner-1")) == 1
        await driver.close()
        stranger = SentinelSettings(watched.nodes, tls=TlsSettings())
        text = await refused(RedisSettings(NOWHERE, sentinel=stranger))
        assert text.startswith("the TLS certificate of Redis at 127.0.0.1:")
        assert " (a Sentinel) is not accepted: " in text


async def test_nobody_knows_the_master(watched: SentinelFleet) -> None:
    unknown = SentinelSettings(watched.nodes[:1], "another")
    with pytest.raises(BackendUnavailable) as caught:
        await opened(RedisSettings(sentinel=unknown))
    where = f"another (Sentinel 127.0.0.1:{watched.sentinels[0].port})"
    assert str(caught.value) == f"no Sentinel names a master for {where} now"
