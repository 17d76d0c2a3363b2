"""Dead letters on SQS: where they go, in which order, and what a cut leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.marks import marks
from support.sqs_sources import CallLog, OpenQueue
from support.until import async_until

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import Ack, Dead, Lease, NewJob
from sockq.drivers.sqs import SqsSource


async def one(source: SqsSource, owner: str = "owner-1") -> Lease:
    async def claimed() -> list[Lease]:
        return await source.claim(1, 0.2, owner)

    (lease,) = await async_until(claimed)
    return lease


async def buried(source: SqsSource, payload: bytes = b"{}", reason: str = "410 Gone") -> Lease:
    await source.enqueue([NewJob(payload)])
    lease = await one(source)
    assert await source.settle([Dead(lease, reason, b"owed")]) == [True]
    return lease


async def test_the_queue_of_dead_letters(
    sqs_open: OpenQueue, sqs_calls: CallLog, sqs_client: Any
) -> None:
    source = await sqs_open()
    assert sqs_calls.count("create_queue") == 1, "not before there is a dead letter"
    lease = await buried(source)
    url = sqs_client.get_queue_url(QueueName=f"{source.name}-dead")["QueueUrl"]
    kept = sqs_client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert kept["MessageRetentionPeriod"] == str(7 * 86_400)
    (message,) = sqs_client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert message["Body"] == "{}"
    told = {
        name.removeprefix("sockq."): value.get("StringValue") or value["BinaryValue"]
        for name, value in message["MessageAttributes"].items()
    }
    died_ms = told.pop("died_ms")
    assert died_ms.isdecimal()
    assert told == {"id": lease.id, "attempts": "1", "state": b"owed", "reason": "410 Gone"}


async def test_a_letter_is_sent_then_deleted(sqs_open: OpenQueue, sqs_calls: CallLog) -> None:
    source = await sqs_open()
    await buried(source)
    names = [name for name in sqs_calls.names() if name.endswith("_batch")]
    assert names[-2:] == ["send_message_batch", "delete_message_batch"]


@pytest.mark.parametrize("fifo", [False, True])
async def test_cut_before_the_deletion_a_job_is_twice_there_and_never_gone(
    fifo: bool, sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open(fifo=fifo)
    other = await sqs_open(fifo=fifo)
    await source.enqueue([NewJob(b"{}")])
    lease = await one(source)

    def no_deleting(name: str, _: Any) -> Any:
        if name == "delete_message_batch":
            raise BackendUnavailable("down")

    sqs_calls.disturb = no_deleting
    with pytest.raises(BackendUnavailable, match="down"):
        await source.settle([Dead(lease, "gone", b"")])
    sqs_calls.disturb = lambda *_: None
    # Its process is gone; another gives the job back and ends it.
    assert await other.reclaim("owner-1", blamed=marks([lease])) == 1
    again = await one(other, "owner-2")
    assert (again.id, again.crashes) == (lease.id, 1)
    letters = (await other.dead_letters(None, 10)).letters
    assert [letter.id for letter in letters] == [lease.id]
    assert await other.settle([Dead(again, "gone", b"")]) == [True]
    letters = (await other.dead_letters(None, 10)).letters
    assert [letter.id for letter in letters] == [lease.id] * 2
    assert await other.replay([lease.id]) == [True], "both letters, as one job"
    assert (await other.dead_letters(None, 10)).letters == []
    last = await one(other)
    assert last.id == lease.id
    assert await other.settle([Ack(last)]) == [True]
    assert await other.claim(10, 0.3, "owner-1") == []


async def test_cut_before_the_sending_nothing_is_deleted(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"{}")])
    lease = await one(source)
    sqs_calls.calls.clear()

    def no_sending(name: str, _: Any) -> Any:
        if name == "send_message_batch":
            raise BackendUnavailable("down")

    sqs_calls.disturb = no_sending
    with pytest.raises(BackendUnavailable, match="down"):
        await source.settle([Dead(lease, "gone", b"")])
    assert "delete_message_batch" not in sqs_calls.names()
    sqs_calls.disturb = lambda *_: None
    assert await source.settle([Dead(lease, "gone", b"")]) == [True]


async def test_a_letter_too_large_for_its_reason_is_packed(sqs_open: OpenQueue) -> None:
    source = await sqs_open()
    payload = b'"' + b"x" * ((1 << 20) - 2) + b'"'
    lease = await buried(source, payload, "größer " * 500)
    (letter,) = (await source.dead_letters(None, 10)).letters
    assert letter.payload == payload
    assert letter.reason.startswith("größer größer")
    assert len(letter.reason) == 1_000
    assert await source.replay([lease.id]) == [True]
    assert (await one(source)).payload == payload


async def test_a_reason_with_characters_that_sqs_refuses(sqs_open: OpenQueue) -> None:
    source = await sqs_open()
    await buried(source, reason="bad\x00byte\ufffe")
    await buried(source, reason="")
    letters = (await source.dead_letters(None, 10)).letters
    assert [letter.reason for letter in letters] == ["bad\ufffdbyte\ufffd", "no reason given"]


async def test_what_sqs_itself_moved_there_is_listed_and_replayed(
    sqs_open: OpenQueue, sqs_client: Any
) -> None:
    source = await sqs_open()
    url = sqs_client.create_queue(QueueName=f"{source.name}-dead")["QueueUrl"]
    sqs_client.send_message(QueueUrl=url, MessageBody='{"job_id":"of-5"}')
    (letter,) = (await source.dead_letters(None, 10)).letters
    assert (letter.id, letter.reason) == ("of-5", "moved here by SQS, not by sockq")
    assert letter.died_at_ms > 0
    assert await source.replay(["of-5"]) == [True]
    assert (await one(source)).id == "of-5"


async def test_looking_is_no_attempt_and_no_crash(sqs_open: OpenQueue) -> None:
    source = await sqs_open()
    await buried(source)
    for _ in range(3):
        (letter,) = (await source.dead_letters(None, 10)).letters
        assert (letter.attempt, letter.crashes, letter.state) == (1, 0, b"owed")


async def test_trimming_looks_only_where_there_is_something_to_find(sqs_open: OpenQueue) -> None:
    source = await sqs_open()
    assert await source.trim_dead(2, 3600.0) == 0
    leases = [await buried(source, b"%d" % n) for n in range(4)]
    assert await source.trim_dead(2, 3600.0) == 2
    assert (await source._queues.counts((await source._queues.dead())[0]))[0] == 2
    letters = (await source.dead_letters(None, 10)).letters
    assert [letter.id for letter in letters] == [lease.id for lease in leases[2:]]


@contextmanager
def held_by_another(sqs_client: Any, source: SqsSource, seconds: int) -> Iterator[list[str]]:
    """Some letters are out of sight, as while another process looks or after it was killed."""
    url = sqs_client.get_queue_url(QueueName=f"{source.name}-dead")["QueueUrl"]
    answer = sqs_client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=seconds
    )
    handles = [message["ReceiptHandle"] for message in answer["Messages"]]
    assert handles
    yield handles
    for handle in handles:
        sqs_client.change_message_visibility(
            QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0
        )


async def test_a_look_waits_for_what_another_process_holds(
    sqs_open: OpenQueue, sqs_client: Any
) -> None:
    source = await sqs_open()
    ids = {(await buried(source)).id for _ in range(12)}
    with held_by_another(sqs_client, source, 60):
        looking = asyncio.create_task(source.dead_letters(None, 50))
        dropping = asyncio.create_task((await sqs_open()).drop(sorted(ids)))
        done, _ = await asyncio.wait([looking, dropping], timeout=2.5)
        assert not done, "a part would look like all of them"
    page = await looking
    assert page.unseen == 0
    assert await dropping == [True] * 12
    assert {letter.id for letter in page.letters} <= ids
    assert (await source.dead_letters(None, 50)).letters == []


async def test_what_another_process_never_gives_back_is_told(
    sqs_open: OpenQueue, sqs_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockq.drivers.sqs_dead_scan._UNSEEN_SECONDS", (2, 2))
    monkeypatch.setattr("sockq.drivers.sqs_dead_scan._PATIENCE_SECONDS", 0.0)
    source = await sqs_open()
    for _ in range(12):
        await buried(source)
    with held_by_another(sqs_client, source, 60) as handles:
        page = await source.dead_letters(None, 50)
    assert (len(page.letters), page.unseen) == (12 - len(handles), len(handles))


async def test_looks_at_the_same_time_see_all_and_each_letter_is_replayed_once(
    sqs_open: OpenQueue,
) -> None:
    source = await sqs_open()
    others = [await sqs_open() for _ in range(2)]
    ids = [(await buried(source)).id for _ in range(45)]
    pages = await asyncio.gather(*[one.dead_letters(None, 50) for one in (source, *others)])
    assert [len(page.letters) for page in pages] == [45] * 3
    both = await asyncio.gather(*[one.replay(ids) for one in others])
    assert [a + b for a, b in zip(*both, strict=True)] == [1] * 45
