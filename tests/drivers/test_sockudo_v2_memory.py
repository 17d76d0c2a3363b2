"""A Sockudo 5 queue on a server that is out of memory."""

from __future__ import annotations

import pytest
from support.redis_server import RedisServer, server_or_skip
from support.until import async_until
from support.v2_queue import V2Driver

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import Ack, Dead, NewJob, Release, Retry, Settlement


@pytest.mark.parametrize("old", [False, True], ids=["7", "6"])
async def test_a_full_server_still_ends_leases(redis_prefix: str, old: bool) -> None:
    """Nothing comes in; what is held is kept and settled, or it would be sent twice."""
    with RedisServer("--maxmemory-policy", "noeviction", binary=server_or_skip(old=old)) as server:
        driver = V2Driver(server.url, prefix=redis_prefix)
        await driver.open()
        try:
            source = driver.source
            await source.enqueue([NewJob(b'{"n":%d}' % n) for n in range(40)])
            leases = await source.claim(32, 0.0, "owner-1")
            server.cli("CONFIG", "SET", "maxmemory", 1)
            if not old:  # there it depends on what the script does first
                with pytest.raises(BackendUnavailable, match=r"OOM"):
                    await source.claim(1, 0.0, "owner-1")
            with pytest.raises(BackendUnavailable, match=r"OOM|maxmemory"):
                await source.enqueue([NewJob(b"{}")])
            assert await source.extend(leases, 30.0) == [True] * 32
            ended: list[Settlement] = [
                *[Ack(lease) for lease in leases[:10]],
                *[Retry(lease, 0.0, b"s") for lease in leases[10:15]],
                *[Retry(lease, 0.001, b"s") for lease in leases[15:20]],
                *[Release(lease) for lease in leases[20:25]],
                *[Dead(lease, "gone", b"s") for lease in leases[25:30]],
            ]
            assert await source.settle(ended) == [True] * 30
            assert await source.reclaim("owner-1") == 2

            async def all_due() -> bool:
                await source.reclaim(None)
                return (await source.stats()).delayed == 0

            await async_until(all_due)
            letters = (await source.dead_letters(None, 10)).letters
            assert {letter.id for letter in letters} == {lease.id for lease in leases[25:30]}
            assert await source.replay([letters[0].id]) == [True]
            assert await source.drop([letters[1].id]) == [True]
            assert await source.trim_dead(1, 0.0) == 2
            stats = await source.stats()
            assert (stats.ready, stats.leased, stats.dead) == (26, 0, 1)
            server.cli("CONFIG", "SET", "maxmemory", 0)
            assert len(await source.claim(100, 0.0, "owner-1")) == 26
        finally:
            await driver.close()
