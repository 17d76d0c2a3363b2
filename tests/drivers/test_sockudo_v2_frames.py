"""Packed frames: whole, in parts, known, broken. Nothing in them is lost or blocks a claim."""

from __future__ import annotations

from hashlib import sha1

import pytest
from support.v2_fixtures import OpenQueue, open_queue
from support.v2_queue import Queue, framed, job_data, new_id, record

from sockq.drivers.job import Ack, NewJob, Retry

__all__ = ["open_queue"]


async def _count(queue: Queue) -> str:
    value = await queue.run("GET", "inline-wait-count")
    assert isinstance(value, bytes)
    return value.decode()


async def _letters(queue: Queue) -> list[tuple[str, bytes]]:
    page = await queue.source.dead_letters(None, 100)
    assert {letter.reason for letter in page.letters} <= {"invalid-envelope"}
    return [(letter.id, letter.payload) for letter in page.letters]


def _named(data: bytes) -> str:
    return "frame-" + sha1(data, usedforsecurity=False).hexdigest()


def test_the_vector_of_the_frame_format() -> None:
    frame = framed([record("a" * 32, b'{"job_id":"' + b"a" * 32 + b'","app_key":"k"}')])
    head = bytes.fromhex("42000000010000005c4a" + "61" * 32 + "7b22")
    assert len(frame) == 101
    assert frame.startswith(head)


async def test_a_frame_is_consumed_in_parts_and_counted_right(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    ids = [new_id() for _ in range(10)]
    await queue.push_frame(framed([record(id_) for id_ in ids]), 10)
    taken = []
    for limit, left in ((3, 7), (1, 6), (6, 0)):
        leases = await queue.source.claim(limit, 0.0, "owner-1")
        taken += [lease.id for lease in leases]
        assert await _count(queue) == str(left)
        assert (await queue.source.stats()).ready == left
    assert taken == ids
    assert await queue.run("EXISTS", "inline-wait") == 0
    assert (await queue.table("attempts")) == dict.fromkeys(ids, "1")
    assert (await queue.table("max-attempts")) == {}


async def test_the_rest_of_a_frame_is_what_a_server_would_put_back(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    records = [record(new_id()) for _ in range(3)]
    await queue.push_frame(framed(records), 3)
    await queue.source.claim(1, 0.0, "owner-1")
    assert await queue.run("LRANGE", "inline-wait", 0, -1) == [framed(records[1:])]


async def test_listed_jobs_come_before_frames_and_frames_in_their_order(
    open_queue: OpenQueue,
) -> None:
    queue = await open_queue()
    first, second, listed = ([new_id() for _ in range(2)] for _ in range(3))
    await queue.push_frame(framed([record(id_) for id_ in first]), 2)
    await queue.push_frame(framed([record(id_) for id_ in second]), 2)
    for id_ in listed:
        await queue.push(id_)
    leases = await queue.source.claim(10, 0.0, "owner-1")
    assert [lease.id for lease in leases] == listed + first + second
    assert [lease.payload.startswith(b'{"job_id":"') for lease in leases] == [True] * 6


async def test_known_jobs_of_a_frame_are_dropped(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    ids = [new_id() for _ in range(4)]
    frame = framed([record(ids[0]), record(ids[1]), record(ids[1]), record(ids[2])])
    await queue.push_frame(frame, 4)
    await queue.push(ids[0])
    leases = await queue.source.claim(2, 0.0, "owner-1")
    leases += await queue.source.claim(10, 0.0, "owner-1")
    assert [lease.id for lease in leases] == ids[:3]
    assert await _count(queue) == "0"
    await queue.source.settle([Ack(lease) for lease in leases])
    await queue.push_frame(framed([record(ids[2]), record(ids[3])]), 2)
    assert [lease.id for lease in await queue.source.claim(10, 0.0, "o")] == [ids[3]]


async def test_a_record_without_a_frame_is_a_job(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    id_ = new_id()
    await queue.push_frame(record(id_), 1)
    (lease,) = await queue.source.claim(10, 0.0, "owner-1")
    assert (lease.id, lease.payload[:12]) == (id_, b'{"job_id":"' + id_.encode()[:1])
    assert await _count(queue) == "0"


async def test_a_framed_job_goes_through_a_retry(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    id_ = new_id()
    data = job_data(id_)
    await queue.push_frame(framed([record(id_, data)]), 1)
    (lease,) = await queue.source.claim(10, 0.0, "owner-1")
    assert await queue.source.settle([Retry(lease, 0.0, b"\x00\xff")]) == [True]
    (again,) = await queue.source.claim(10, 0.0, "owner-1")
    assert (again.payload, again.attempt, again.state) == (data, 2, b"\x00\xff")


GOOD = [record(f"{n:032d}") for n in range(2)]
SHORT = framed(GOOD)[:-5]
BAD_LENGTH = framed(GOOD[:1]) + (1 << 31).to_bytes(4, "big") + b"rest"


@pytest.mark.parametrize(
    ("frame", "count", "jobs", "kept"),
    [
        pytest.param(framed([], 0), 0, 0, [], id="empty"),
        pytest.param(
            framed(GOOD[:1]) + b"junk", 1, 1, [b"junk"], id="bytes behind the last record"
        ),
        pytest.param(
            SHORT,
            2,
            1,
            [b"B" + (1).to_bytes(4, "big") + SHORT[5 + 4 + len(GOOD[0]) :]],
            id="cut off",
        ),
        pytest.param(
            b"B" + (3).to_bytes(4, "big") + BAD_LENGTH[5:],
            3,
            1,
            [b"B" + (2).to_bytes(4, "big") + BAD_LENGTH[5 + 4 + len(GOOD[0]) :]],
            id="a length beyond the end",
        ),
        pytest.param(framed([b"X" + b"9" * 40, GOOD[1]]), 2, 1, [b"X" + b"9" * 40], id="alien"),
        pytest.param(framed([b"J" + b"8" * 32, GOOD[1]]), 2, 1, [b"J" + b"8" * 32], id="no body"),
        pytest.param(b"\xff\xfe", 0, 0, [b"\xff\xfe"], id="no frame at all"),
        pytest.param(b"B\x00", 0, 0, [b"B\x00"], id="no count"),
    ],
)
async def test_what_is_broken_is_kept_and_the_rest_claimed(
    open_queue: OpenQueue, frame: bytes, count: int, jobs: int, kept: list[bytes]
) -> None:
    queue = await open_queue()
    await queue.push_frame(frame, count)
    behind = new_id()
    await queue.push_frame(framed([record(behind)]), 1)
    leases = await queue.source.claim(10, 0.0, "owner-1")
    assert len(leases) == jobs + 1
    assert leases[-1].id == behind
    assert await _letters(queue) == [(_named(data), data) for data in kept]
    assert await _count(queue) == "0"
    assert await queue.source.drop([_named(data) for data in kept]) == [True] * len(kept)


async def test_a_count_that_lies_does_not_go_below_nothing(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    await queue.push_frame(framed(GOOD, count=4_000_000_000), 2)
    leases = await queue.source.claim(10, 0.0, "owner-1")
    assert len(leases) == 2
    assert await _count(queue) == "0"
    assert (await queue.source.stats()).ready == 0


async def test_a_framed_job_that_is_not_text_is_quarantined_alone(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    bad, good = new_id(), new_id()
    broken = job_data(bad).replace(b"my-channel", b"my-\xffchannel")
    await queue.push_frame(framed([record(bad, broken), record(good)]), 2)
    leases = await queue.source.claim(10, 0.0, "owner-1")
    assert [lease.id for lease in leases] == [good]
    assert await _letters(queue) == [(bad, broken)]


async def test_a_frame_fills_a_claim_that_the_list_began(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    listed, inside = new_id(), [new_id() for _ in range(5)]
    await queue.push(listed)
    await queue.push_frame(framed([record(id_) for id_ in inside]), 5)
    (own,) = await queue.source.enqueue([NewJob(job_data("x"))])
    leases = await queue.source.claim(4, 0.0, "owner-1")
    assert [lease.id for lease in leases] == [listed, own, *inside[:2]]
    assert await _count(queue) == "3"
