"""Everything that real soketi servers were recorded to enqueue, claimed and acked by us.

What stands in Redis afterwards must be what soketi's own worker left.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.bullmq import (
    bullmq_source,
    comparable,
    raw_redis,
    read_back,
    recorded_bytes,
    restore,
)
from support.fixtures import load, soketi
from support.redis_server import RedisServer

from sockq.drivers.bullmq_format import key_base, wait_keys
from sockq.drivers.job import Ack, NewJob

SCENARIOS = [path for path in soketi() if "redis_after_enqueue" in load(path)]


def waiting_jobs(dump: dict[str, Any], prefix: str) -> dict[str, list[bytes]]:
    """The payloads in each queue, next one first."""
    found = {}
    for wait in wait_keys(prefix):
        base = wait.removesuffix("wait")
        ids = reversed(dump.get(wait, {"value": []})["value"])
        found[base] = [recorded_bytes(dump[base + id_]["value"]["data"]) for id_ in ids]
    return found


def without_gates(dump: dict[str, Any]) -> dict[str, Any]:
    """The gates of the check for stalled jobs have their time, whoever set them."""
    return {key: value for key, value in dump.items() if not key.endswith(":stalled-check")}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
async def test_a_recorded_job_is_claimed_and_acked_as_by_soketi(
    path: Path, redis_server: RedisServer
) -> None:
    content = load(path)
    prefix = content["prefix_env"] or ""
    before, after = content["redis_after_enqueue"], content["redis_after_worker"]
    expected = [payload for queue in waiting_jobs(before, prefix).values() for payload in queue]
    assert expected
    async with raw_redis(redis_server) as redis, bullmq_source(redis_server, prefix) as source:
        await redis.flushdb()
        await restore(redis, before)
        payloads = []
        while leases := await source.claim(1, 0.0, "w:1"):
            payloads += [lease.payload for lease in leases]
            assert await source.settle([Ack(lease) for lease in leases]) == [True]
        assert sorted(payloads) == sorted(expected)
        seen = comparable(await read_back(redis, key_base(prefix)))
        assert without_gates(seen) == without_gates(comparable(after))
        await redis.flushdb()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
async def test_the_same_job_from_us_is_stored_as_by_soketi(
    path: Path, redis_server: RedisServer
) -> None:
    content = load(path)
    prefix = content["prefix_env"] or ""
    before = content["redis_after_enqueue"]
    async with raw_redis(redis_server) as redis, bullmq_source(redis_server, prefix) as source:
        await redis.flushdb()
        await restore(redis, {key: entry for key, entry in before.items() if key.endswith(":meta")})
        for payloads in waiting_jobs(before, prefix).values():
            await source.enqueue([NewJob(payload) for payload in payloads])
        seen = comparable(await read_back(redis, key_base(prefix)))
        assert without_gates(seen) == without_gates(comparable(before))
        await redis.flushdb()


def test_there_are_recordings() -> None:
    assert len(SCENARIOS) >= 37
