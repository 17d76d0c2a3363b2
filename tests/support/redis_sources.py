"""Short steps for tests that drive a source on a real Redis server, a v1 source mostly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from support.redis_server import RedisServer
from support.until import async_until

from sockq.drivers.job import Ack, Lease
from sockq.drivers.redis import RedisDriver
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.settings import LeaseSettings, RedisSettings
from sockq.drivers.sockudo_v1 import SockudoV1Source


@asynccontextmanager
async def v1_source(
    server: RedisServer,
    prefix: str,
    *,
    lease_seconds: float = 30.0,
    response_timeout_seconds: float = 5.0,
) -> AsyncIterator[SockudoV1Source]:
    """The source of the list that a stock server writes."""
    settings = RedisSettings(
        server.url,
        prefix,
        response_timeout_seconds=response_timeout_seconds,
        lease=LeaseSettings(lease_seconds),
    )
    driver = RedisDriver(settings)
    try:
        await driver.open()
        source = driver.sources[0]
        assert isinstance(source, SockudoV1Source)
        yield source
    finally:
        await driver.close()


async def push(source: SockudoV1Source, payloads: Iterable[bytes]) -> None:
    """Write to the list as a server does."""
    everything = list(payloads)
    for first in range(0, len(everything), 1_000):
        await source._client.command("RPUSH", source.keys.list, *everything[first : first + 1_000])


async def take(source: SockudoV1Source, count: int, owner: str = "owner-1") -> list[Lease]:
    """Claim exactly ``count`` jobs that are there already."""
    taken: list[Lease] = []
    while len(taken) < count:
        leases = await source.claim(count - len(taken), 0.0, owner)
        assert leases, f"only {len(taken)} of {count} jobs are there"
        taken += leases
    return taken


async def drain(source: SockudoV1Source, batch: int = 500) -> list[bytes]:
    """Claim and ack all that is there; return the payloads in order."""
    payloads: list[bytes] = []
    while leases := await source.claim(batch, 0.0, "drainer"):
        assert all(await source.settle([Ack(lease) for lease in leases]))
        payloads += [lease.payload for lease in leases]
    return payloads


async def claims_wait(client: RedisClient, verb: str, count: int = 1) -> None:
    """Return when so many claims wait at the server.

    Args:
        client: Of that server; in a cluster, of the node that owns the queue.
        verb: The command in which the source's claims block: ``blmove``, ``xread`` or ``blpop``.
        count: Exactly so many.
    """

    async def all_wait() -> bool:
        told: bytes = await client.command("CLIENT", "LIST")
        rows = told.decode().splitlines()
        clients = [dict(field.split("=", 1) for field in row.split()) for row in rows]
        return sum(one["cmd"] == verb and "b" in one["flags"] for one in clients) == count

    await async_until(all_wait)


async def fails_to_open(settings: RedisSettings, kind: type[Exception]) -> str:
    """Open a driver, which must fail so; return the text."""
    driver = RedisDriver(settings)
    with pytest.raises(kind) as caught:
        await driver.open()
    await driver.close()
    await driver.close()
    text = str(caught.value)
    assert "\n" not in text
    assert "secret" not in text
    return text
