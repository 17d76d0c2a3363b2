"""What cannot be read or stored: quarantined one by one, or refused; it never blocks a claim."""

from __future__ import annotations

import json

import pytest
from support.v2_fixtures import OpenQueue, open_queue
from support.v2_queue import Queue, enveloped, job_data, new_id

from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Dead, NewJob

__all__ = ["open_queue"]


async def _filled(queue: Queue, count: int) -> list[str]:
    ids = [new_id() for _ in range(count)]
    for id_ in ids:
        await queue.push(id_)
    return ids


BROKEN = {
    "not text": b'{"version":2,"id":"ID","data":{"app_id":"\xff\xfe"}}',
    "not JSON": b'{"version":2,"id":"ID","data":{',
    "another version": enveloped("ID").replace(b'"version":2', b'"version":3'),
    "another id": enveloped("somebody-else"),
    "no job": b'{"hello":"world"}',
    "an array": b"[]",
    "nothing": b"",
    "too deep": b'{"version":2,"id":"ID","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_envelope_is_quarantined_alone(open_queue: OpenQueue, broken: bytes) -> None:
    queue = await open_queue()
    bad = new_id()
    broken = broken.replace(b"ID", bad.encode())
    good = await _filled(queue, 1)
    await queue.push(bad, broken)
    good += await _filled(queue, 1)
    leases = await queue.source.claim(10, 0.0, "owner-1")
    assert [lease.id for lease in leases] == good
    (letter,) = (await queue.source.dead_letters(None, 10)).letters
    assert (letter.id, letter.payload, letter.reason) == (bad, broken, "invalid-envelope")
    assert await queue.table("failures") == {bad: "invalid-envelope"}
    # Made ready again it would cost a worker of the server its whole claim.
    assert await queue.source.replay([bad]) == [False]
    assert list(await queue.scores("dlq")) == [bad]
    assert await queue.source.drop([bad]) == [True]


async def test_a_claim_looks_behind_a_page_of_broken_jobs(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    for _ in range(4):
        await queue.push(new_id(), b"broken")
    (good,) = await _filled(queue, 1)
    assert [lease.id for lease in await queue.source.claim(2, 0.0, "owner-1")] == [good]
    assert (await queue.source.stats()).dead == 4


async def test_an_id_that_is_not_text_is_kept_under_another(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    data = job_data("x")
    for suffix, value in (("jobs", data), ("attempts", 0), ("max-attempts", 5)):
        await queue.run("HSET", suffix, b"\xff\xfe", value)
    await queue.run("LPUSH", "wait", b"\xff\xfe")
    assert await queue.source.claim(10, 0.0, "owner-1") == []
    (letter,) = (await queue.source.dead_letters(None, 10)).letters
    assert (letter.id[:3], letter.payload) == ("id-", data)
    assert await queue.run("HEXISTS", "jobs", b"\xff\xfe") == 0
    assert await queue.source.drop([letter.id]) == [True]
    assert await queue.table("jobs") == {}


@pytest.mark.parametrize(
    "job",
    [
        NewJob(b"{}", ""),
        NewJob(b"{}", "x" * 513),
        NewJob(b"{}", "\udcff"),
        NewJob(b"[1]"),
        NewJob(b'{"a":"\xff"}'),
        NewJob(b"{"),
    ],
)
async def test_what_the_format_cannot_hold_is_refused(open_queue: OpenQueue, job: NewJob) -> None:
    queue = await open_queue()
    with pytest.raises(BackendRefused, match="cannot go into"):
        await queue.source.enqueue([job])
    assert await queue.dump() == {}


async def test_a_foreign_cursor_is_refused(open_queue: OpenQueue) -> None:
    queue = await open_queue()
    for cursor in ("x", "12:zz", ":"):
        with pytest.raises(BackendRefused, match="cursor"):
            await queue.source.dead_letters(cursor, 10)


async def test_a_job_without_its_secret_that_the_server_could_not_read_is_replayed(
    open_queue: OpenQueue,
) -> None:
    queue = await open_queue()
    (id_,) = await _filled(queue, 1)
    (lease,) = await queue.source.claim(1, 0.0, "owner-1")
    secret = json.dumps(json.loads(lease.payload)["app_secret"]).encode()
    kept = lease.payload.replace(secret, b"null")
    assert await queue.source.settle([Dead(lease, "gone", b"", kept)]) == [True]
    await queue.run("HSET", "failures", id_, "invalid-envelope")  # as a server's worker says
    assert await queue.source.replay([id_]) == [True]
    (again,) = await queue.source.claim(1, 0.0, "owner-1")
    assert again.payload == kept
