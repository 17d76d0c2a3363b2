"""Jobs of a real Sockudo 5.0.1 are claimed byte for byte, and leave what its own workers leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import fixtures
from support.v2_fixtures import OpenQueue, open_queue
from support.v2_queue import enveloped, framed, job_data, new_id, record, recorded_jobs, timeless
from support.v2_server import ServerWorker

from sockq.drivers.job import Ack, Lease, NewJob, Release, Retry
from sockq.drivers.settings import ReliabilitySettings
from sockq.drivers.sockudo_v2_keys import base_key
from sockq.drivers.source import Source

__all__ = ["open_queue"]


def _scenarios() -> list[Path]:
    """The recordings of one queue each that a server could use."""
    return [
        path
        for path in fixtures.sockudo("5.0.1")
        if fixtures.load(path).get("redis_after_enqueue") and path.stem != "prefix-hash-tag"
    ]


@pytest.fixture(params=_scenarios(), ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> dict[str, Any]:
    return fixtures.load(request.param)


def _base(recording: dict[str, Any]) -> str:
    return base_key(recording["prefix"], "webhooks")


def _settings(recording: dict[str, Any]) -> ReliabilitySettings:
    return ReliabilitySettings(**recording.get("reliability", {}))


async def _claim_all(source: Source, limit: int = 100) -> list[Lease]:
    leases: list[Lease] = []
    while batch := await source.claim(limit, 0.0, "owner-1"):
        leases += batch
    return leases


def test_the_recordings_are_there() -> None:
    assert len(_scenarios()) > 30


async def test_recorded_jobs_are_claimed_byte_for_byte(
    recording: dict[str, Any], open_queue: OpenQueue
) -> None:
    queue = await open_queue(reliability=_settings(recording))
    enqueued, base = recording["redis_after_enqueue"], _base(recording)
    await queue.load(enqueued, base)
    stats = await queue.source.stats()
    leases = await _claim_all(queue.source)
    expected = recorded_jobs(enqueued, base)
    assert {lease.id: lease.payload for lease in leases} == expected
    assert stats.ready == len(expected) > 0
    assert {(lease.attempt, lease.state, lease.crashes) for lease in leases} == {(1, b"", 0)}
    listed = enqueued.get(f"{base}:wait", {}).get("value")
    if listed:
        assert [lease.id for lease in leases] == listed[::-1]


async def test_acked_jobs_leave_what_the_servers_own_worker_left(
    recording: dict[str, Any], open_queue: OpenQueue
) -> None:
    queue = await open_queue(reliability=_settings(recording))
    base = _base(recording)
    await queue.load(recording["redis_after_enqueue"], base)
    leases = await _claim_all(queue.source, limit=1)
    assert await queue.source.settle([Ack(lease) for lease in leases]) == [True] * len(leases)
    assert await queue.dump() == timeless(recording["redis_after_worker"], base)


@pytest.mark.parametrize("first", ["sockq", "server"])
@pytest.mark.parametrize("second", ["sockq", "server"])
async def test_a_job_that_failed_once_leaves_the_recorded_keys_with_one_attempt_more(
    first: str, second: str, open_queue: OpenQueue
) -> None:
    """Whoever fails it, and whoever tries it again: the counts agree."""
    recording = fixtures.load(next(path for path in _scenarios() if path.stem == "member_added"))
    queue, base = await open_queue(), _base(recording)
    await queue.load(recording["redis_after_enqueue"], base)
    server = ServerWorker(queue)
    ids = set(recorded_jobs(recording["redis_after_enqueue"], base))
    for _ in ids:
        if first == "sockq":
            (lease,) = await queue.source.claim(1, 0.0, "owner-1")
            assert lease.attempt == 1
            assert await queue.source.settle([Retry(lease, 0.0, b"")]) == [True]
        else:
            assert (taken := await server.claim()) is not None
            assert await server.nack(*taken)
    assert await queue.table("attempts") == dict.fromkeys(ids, "1")
    for _ in ids:
        if second == "sockq":
            (lease,) = await queue.source.claim(1, 0.0, "owner-2")
            assert lease.attempt == 2
            assert await queue.source.settle([Ack(lease)]) == [True]
        else:
            assert (taken := await server.claim()) is not None
            assert await server.ack(*taken)
    left, recorded = await queue.dump(), timeless(recording["redis_after_worker"], base)
    assert left.pop("attempts") == dict.fromkeys(ids, "2")
    assert recorded.pop("attempts") == dict.fromkeys(ids, "1")
    for keys in left, recorded:
        del keys["events"]  # of each attempt, in both cases
    left.pop("notify", None)  # the stand-in for the server takes no hints
    if first == "sockq":  # whose retries leave the server its full allowance
        assert left["max-attempts"] == dict.fromkeys(ids, "6")
        left["max-attempts"] = recorded["max-attempts"]
    assert left == recorded


async def test_jobs_of_sockq_stand_beside_recorded_ones(open_queue: OpenQueue) -> None:
    recording = next(fixtures.load(path) for path in _scenarios() if path.stem == "member_added")
    queue = await open_queue()
    base = _base(recording)
    await queue.load(recording["redis_after_enqueue"], base)
    before = await queue.dump()
    id_ = new_id()
    payload = job_data(id_)
    assert await queue.source.enqueue([NewJob(payload, id_)]) == [id_]
    after = await queue.dump()
    assert after["wait"] == [id_, *before["wait"]]
    assert after["notify"] == ["1", *before["notify"]]
    assert set(after) == set(before)
    written = after["jobs"].pop(id_)
    assert (after["attempts"].pop(id_), after["max-attempts"].pop(id_)) == ("0", "5")
    assert after["jobs"] == before["jobs"]
    assert after["attempts"] == before["attempts"]
    assert after["events"] == sorted([*before["events"], ("enqueued", id_)])
    assert written.encode() == enveloped(id_, payload)
    assert [lease.id for lease in await _claim_all(queue.source)][-1] == id_


async def test_a_recorded_job_of_a_frame_keeps_its_bytes_through_a_state(
    open_queue: OpenQueue,
) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.push_frame(framed([record(id_)]), 1)
    (lease,) = await queue.source.claim(10, 0.0, "owner-1")
    assert await queue.source.settle([Release(lease, 0.0, b"state")]) == [True]
    stored = (await queue.table("jobs"))[id_]
    assert stored == lease.payload[:-1].decode() + ',"sockq":"0.c3RhdGU="}'
    (again,) = await queue.source.claim(10, 0.0, "owner-1")
    assert (again.payload, again.state) == (lease.payload, b"state")
