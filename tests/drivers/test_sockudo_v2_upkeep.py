"""What a worker of a Sockudo 5 queue owes the others: events, trims, hints, notes."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from support.marks import marks
from support.redis_sources import claims_wait
from support.until import async_until
from support.v2_fixtures import OpenQueue, open_queue
from support.v2_queue import Queue, job_data, new_id, now_ms

from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Ack, Dead, NewJob, Release, Retry
from sockq.drivers.settings import ReliabilitySettings

__all__ = ["open_queue"]

#: The server's delays for attempts 1 to 8 (base 1 s, at most 60 s, jitter 0.2) of these ids.
SERVER_DELAYS_MS = {
    "a" * 32: [913, 1826, 3652, 7304, 14608, 29216, 54780, 54780],
    "0" * 32: [994, 1988, 3975, 7950, 15900, 31801, 59626, 59626],
    "stable-job": [836, 1672, 3344, 6688, 13376, 26753, 50162, 50162],
}


async def _filled(queue: Queue, count: int) -> list[str]:
    ids = [new_id() for _ in range(count)]
    for id_ in ids:
        await queue.push(id_)
    return ids


async def test_every_move_is_an_event(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    source = queue.source
    ids = await source.enqueue([NewJob(job_data(str(n))) for n in range(4)])
    acked, retried, buried, released = await source.claim(4, 0.0, "owner-1")
    before = now_ms()
    await source.settle(
        [Ack(acked), Retry(retried, 0.001, b""), Dead(buried, "gone", b""), Release(released)]
    )
    assert await source.replay([buried.id]) == [True]
    await async_until(lambda: now_ms() > before + 10)
    await source.reclaim(None)
    await source.claim(1, 0.0, "owner-2")
    await source.reclaim("owner-2")
    assert sorted(await queue.events()) == sorted(
        [("enqueued", id_) for id_ in ids]
        + [("active", id_) for id_ in ids]
        + [("completed", acked.id), ("retrying", retried.id), ("failed", buried.id)]
        + [("waiting", released.id), ("replayed", buried.id), ("waiting", retried.id)]
        + [("active", released.id), ("stalled", released.id)]
    )
    (row,) = await queue.run("XREVRANGE", "events", "+", "-", "COUNT", 1)
    assert row[1][::2] == [b"event", b"job_id", b"timestamp"]
    assert abs(int(row[1][5]) - now_ms()) < 60_000


async def test_no_events_are_kept_where_the_server_keeps_none(open_queue: OpenQueue) -> None:
    queue = await open_queue(reliability=ReliabilitySettings(event_retention=0))
    await queue.source.enqueue([NewJob(job_data("x"))])
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    await queue.source.settle([Retry(lease, 0.0, b"")])
    assert await queue.run("EXISTS", "events") == 0


async def test_the_stream_is_trimmed(open_queue: OpenQueue) -> None:
    queue = await open_queue(reliability=ReliabilitySettings(event_retention=100))
    await _filled(queue, 1)
    for _ in range(500):
        (lease,) = await queue.source.claim(1, 0.0, "owner-1")
        await queue.source.settle([Release(lease)])
    assert 100 <= await queue.run("XLEN", "events") <= 300  # whole nodes of 100 entries


async def test_completed_jobs_are_kept_up_to_the_limit(open_queue: OpenQueue) -> None:
    queue = await open_queue(reliability=ReliabilitySettings(completed_retention=3))
    ids = await _filled(queue, 5)
    for _ in ids:
        (lease,) = await queue.source.claim(1, 0.0, "owner-1")
        await queue.source.settle([Ack(lease)])
        await asyncio.sleep(0.002)  # the next one completes in another millisecond
    assert list(await queue.scores("completed")) == ids[2:]
    for rows in ("jobs", "attempts", "max-attempts"):
        assert set(await queue.table(rows)) == set(ids[2:])


async def test_a_completed_job_is_not_run_again(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    (id_,) = await _filled(queue, 1)
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    await queue.source.settle([Ack(lease)])
    await queue.run("LPUSH", "wait", id_, "an-id-without-a-job")
    assert await queue.source.claim(10, 0.0, "owner-1") == []
    assert (await queue.source.stats()).ready == 0
    assert await queue.source.enqueue([NewJob(lease.payload, id_)]) == [id_]
    assert await queue.source.claim(10, 0.0, "owner-1") == []


async def test_a_lowered_dead_limit_is_reached_with_all_rows(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    for n in range(1_200):
        await queue.store(f"old-{n}")
        await queue.run("ZADD", "dlq", 1_000 + n, f"old-{n}")
    (id_,) = await _filled(queue, 1)
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    await queue.source.settle([Dead(lease, "gone", b"")])
    assert await queue.source.trim_dead(2, 0.0) == 1_199
    assert list(await queue.scores("dlq")) == ["old-1199", id_]
    assert set(await queue.table("jobs")) == {"old-1199", id_}
    assert await queue.table("failures") == {id_: "gone"}


@pytest.mark.parametrize(("id_", "delays"), SERVER_DELAYS_MS.items())
async def test_retries_wait_exactly_as_long_as_they_are_told(
    open_queue: OpenQueue, id_: str, delays: list[int]
) -> None:
    queue = await open_queue()
    await queue.push(id_)
    for delay_ms in delays:
        (lease,) = await queue.source.claim(1, 0.0, "owner-1")
        before = now_ms()
        assert await queue.source.settle([Retry(lease, delay_ms / 1_000, b"")]) == [True]
        due = (await queue.scores("delayed"))[id_]
        assert before + delay_ms <= due <= now_ms() + delay_ms
        await queue.run("ZADD", "delayed", now_ms() - 1, id_)
    assert (await queue.source.stats()).delayed == 1


async def test_hints_are_capped(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    await queue.run("RPUSH", "notify", *["1"] * 1_024)
    await queue.source.enqueue([NewJob(job_data("x"))])
    assert await queue.run("LLEN", "notify") == 1_024


async def test_hints_are_there_when_there_is_work_and_gone_when_there_is_none(
    open_queue: OpenQueue,
) -> None:
    queue = await open_queue()
    await _filled(queue, 3)
    assert await queue.run("LLEN", "notify") == 3
    await queue.run("DEL", "notify")  # as if waiters had taken them
    await queue.source.claim(1, 0.0, "owner-1")
    assert await queue.run("LLEN", "notify") == 1
    first, second = await queue.source.claim(5, 0.0, "owner-1")
    assert await queue.run("LLEN", "notify") == 0
    for settlement in (Retry(first, 0.0, b""), Release(second)):
        await queue.source.settle([settlement])
        assert await queue.run("LLEN", "notify") == 1
        await queue.run("DEL", "notify")
    (lease, _) = await queue.source.claim(2, 0.0, "owner-1")
    await queue.source.settle([Retry(lease, 60.0, b"")])
    await queue.source.settle([Dead(_, "gone", b"")])
    assert await queue.run("LLEN", "notify") == 1
    await queue.source.claim(2, 0.0, "owner-1")
    assert await queue.run("LLEN", "notify") == 1  # somebody has to look at the due time
    await queue.run("DEL", "notify")
    assert await queue.source.replay([_.id]) == [True]
    assert await queue.run("LLEN", "notify") == 1


async def test_all_waiters_share_what_one_hint_announced(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    others = [await open_queue() for _ in range(3)]
    claims = [
        asyncio.create_task(other.source.claim(10, 10.0, f"owner-{n}"))
        for n, other in enumerate(others)
    ]
    await claims_wait(queue.client, "blpop", len(claims))
    start = time.monotonic()
    await queue.source.enqueue([NewJob(job_data(str(n))) for n in range(30)])
    got = await asyncio.gather(*claims)
    assert [len(leases) for leases in got] == [10, 10, 10]
    assert time.monotonic() - start < 0.9  # none waited for the end of its slice


async def test_a_wait_ends_when_a_delayed_job_is_due(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    (id_,) = await _filled(queue, 1)
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    await queue.source.settle([Retry(lease, 0.2, b"")])
    start = time.monotonic()
    (again,) = await queue.source.claim(1, 10.0, "owner-1")
    assert again.id == id_
    assert 0.19 <= time.monotonic() - start < 0.8


async def test_the_note_is_a_field_that_a_reader_of_the_envelope_can_ignore(
    open_queue: OpenQueue,
) -> None:
    queue = await open_queue()
    (id_,) = await _filled(queue, 1)
    before = json.loads((await queue.table("jobs"))[id_])
    for state in (b"first", b"\x00" * 300, b"third"):
        (lease,) = await queue.source.claim(1, 0.0, "owner-1")
        await queue.source.settle([Retry(lease, 0.0, state)])
        leases = await queue.source.claim(1, 0.0, "owner-2")
        await queue.source.reclaim("owner-2", blamed=marks(leases))
    noted = json.loads((await queue.table("jobs"))[id_])
    assert noted.pop("sockq") == "3.dGhpcmQ="
    assert noted == before
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    assert (lease.state, lease.crashes, lease.attempt) == (b"third", 3, 4)


async def test_an_id_cannot_be_given_to_another_job(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    first = NewJob(job_data("x"), "my-id")
    await queue.source.enqueue([first])
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    await queue.source.settle([Retry(lease, 60.0, b"a note does not make it another job")])
    assert await queue.source.enqueue([first, first]) == ["my-id", "my-id"]
    with pytest.raises(BackendRefused, match="my-id"):
        await queue.source.enqueue([NewJob(job_data("z")), NewJob(job_data("y"), "my-id")])
    assert set(await queue.table("jobs")) == {"my-id"}  # all or none
