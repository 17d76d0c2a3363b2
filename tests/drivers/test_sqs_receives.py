"""SQS counts receives and nothing else: what they say of a job, and what they do not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.marks import marks
from support.sqs_sources import OpenQueue, claim
from support.until import async_until

from sockq.drivers.job import Ack, NewJob


def _received_elsewhere(sqs_client: Any, queue: str, times: int) -> None:
    """As a server does that lets the message go each time."""
    url = sqs_client.get_queue_url(QueueName=queue)["QueueUrl"]
    for _ in range(times):
        answer = sqs_client.receive_message(QueueUrl=url, VisibilityTimeout=0)
        assert len(answer["Messages"]) == 1


@pytest.mark.parametrize("times", [1, 6])
@pytest.mark.parametrize("fifo", [False, True])
async def test_receives_of_others_make_a_suspect_and_no_more(
    fifo: bool, times: int, sqs_open: OpenQueue, sqs_client: Any, tmp_path: Path
) -> None:
    source = await sqs_open(fifo=fifo)
    await source.enqueue([NewJob(b"{}")])
    _received_elsewhere(sqs_client, source.name, times)
    (lease,) = await claim(source, 1)
    assert lease.crashes == 1, "not one for each receive"
    for crashes in (2, 3):
        assert await source.reclaim("owner-1", blamed=marks([lease])) == 1
        (lease,) = await claim(source, 1)
        assert lease.crashes == crashes, "what was seen here counts, each time"
    assert await source.reclaim("owner-1") == 1
    (lease,) = await claim(source, 1)
    assert lease.crashes == 3, "forgiven: no more than before"
    assert await source.settle([Ack(lease)]) == [True]
    left = [path.name for path in (tmp_path / "journal").rglob("records/*")]
    assert left == [], "nothing is remembered of a message that is gone"


async def test_what_waited_behind_an_expired_lease_is_not_blamed(sqs_open: OpenQueue) -> None:
    source = await sqs_open(fifo=True, lease_seconds=2.0)
    other = await sqs_open(fifo=True, lease_seconds=2.0)
    ids = await source.enqueue([NewJob(b"%d" % n) for n in range(2)])
    (head,) = await claim(source, 1)

    async def expired() -> bool:
        return await other.reclaim(None) == 1

    await async_until(expired, 5.0)
    (first,) = await claim(other, 1, "owner-2")
    assert await other.settle([Ack(first)]) == [True]
    (second,) = await claim(other, 1, "owner-2")
    assert [first.id, second.id] == ids
    assert [first.crashes, second.crashes] == [0, 0]
    assert await source.settle([Ack(head)]) == [False]


@pytest.mark.parametrize("fifo", [False, True])
async def test_a_lease_that_expires_under_a_waiting_claim_speaks_against_nobody(
    fifo: bool, sqs_open: OpenQueue
) -> None:
    """Nobody has noted the end of the lease yet when the message comes again."""
    source = await sqs_open(fifo=fifo, lease_seconds=2.0)
    other = await sqs_open(fifo=fifo, lease_seconds=2.0)
    await source.enqueue([NewJob(b"{}")])
    (lease,) = await claim(source, 1)
    async with asyncio.timeout(10.0):
        while not (again := await other.claim(1, 5.0, "owner-2")):
            pass
    assert [(one.id, one.crashes) for one in again] == [(lease.id, 0)]
    assert await other.settle([Ack(again[0])]) == [True]
