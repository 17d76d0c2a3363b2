"""SQS messages beyond the contract: what servers put in, and state that travels."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from support import fixtures
from support.sqs_sources import CallLog, OpenQueue, claim

from sockq.drivers import sqs_enqueue, sqs_settle
from sockq.drivers.job import Ack, Lease, NewJob, Retry


def message_of(lease: Lease) -> str:
    """The id of a fresh job is its message's."""
    return lease.id


@pytest.mark.parametrize("kind", ["standard", "fifo"])
@pytest.mark.parametrize("version", ["4.7.0", "5.0.1"])
async def test_messages_of_sockudo(
    version: str, kind: str, sqs_open: OpenQueue, sqs_client: Any
) -> None:
    recorded = fixtures.load(fixtures.ROOT / "sockudo" / version / "sqs.json")[kind]["messages"]
    source = await sqs_open(fifo=kind == "fifo")
    url = sqs_client.get_queue_url(QueueName=source.name)["QueueUrl"]
    message_ids = []
    for message in recorded:
        attributes = message["Attributes"]
        given = {
            name: attributes[name]
            for name in ("MessageGroupId", "MessageDeduplicationId")
            if name in attributes
        }
        sent = sqs_client.send_message(QueueUrl=url, MessageBody=message["Body"], **given)
        message_ids.append(sent["MessageId"])
    leases: list[Lease] = []
    for _ in recorded:
        (lease,) = await claim(source, 1)
        assert await source.settle([Ack(lease)]) == [True]
        leases.append(lease)
    assert source.dialect == "auto"
    assert [lease.payload for lease in leases] == [m["Body"].encode() for m in recorded]
    ids = [json.loads(m["Body"]).get("job_id") for m in recorded]
    assert [lease.id for lease in leases] == (ids if version == "5.0.1" else message_ids)
    assert {(lease.attempt, lease.crashes, lease.state) for lease in leases} == {(1, 0, b"")}


async def test_messages_of_soketi(sqs_open: OpenQueue, sqs_client: Any) -> None:
    calls = fixtures.load(fixtures.ROOT / "soketi" / "sqs.json")["roundtrip"]["enqueue_calls"]
    maker = await sqs_open(fifo=True)  # soketi's own queue has to be there before
    url = sqs_client.get_queue_url(QueueName=maker.name)["QueueUrl"]
    source = await sqs_open(queue_url=url)
    assert source.name == maker.name
    for call in calls:
        sqs_client.send_message(**(call["params"] | {"QueueUrl": url}))
    leases = await claim(source, len(calls))  # two groups: both at once
    bodies = [call["params"]["MessageBody"].encode() for call in calls]
    assert sorted(lease.payload for lease in leases) == sorted(bodies)
    assert await source.settle([Ack(lease) for lease in leases]) == [True, True]


async def test_a_message_without_a_body_is_buried_then_deleted(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"{}")])
    receive = 0

    def strip(name: str, parameters: Any) -> Any:
        nonlocal receive
        if name == "receive_message" and not receive:
            receive += 1
            answer = source._client._sdk.receive_message(**parameters)
            del answer["Messages"][0]["Body"]
            return answer
        return None

    sqs_calls.disturb = strip
    assert await source.claim(10, 0.0, "owner-1") == []
    names = [name for name in sqs_calls.names() if name.endswith("_batch")]
    assert names[-2:] == ["send_message_batch", "delete_message_batch"]
    (letter,) = (await source.dead_letters(None, 10)).letters
    assert (letter.payload, letter.reason) == (b"", "the message has no body")


async def test_a_retry_sends_first_and_deletes_then(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b'{"n":1}')])
    (lease,) = await claim(source, 1)
    sqs_calls.calls.clear()
    assert await source.settle([Retry(lease, 2.5, b"owed")]) == [True]
    assert sqs_calls.names() == ["send_message_batch", "delete_message_batch"]
    (entry,) = sqs_calls.calls[0][1]["Entries"]
    assert (entry["MessageBody"], entry["DelaySeconds"]) == ('{"n":1}', 3)
    assert entry["MessageAttributes"] == {
        "sockq.id": {"DataType": "String", "StringValue": lease.id},
        "sockq.attempts": {"DataType": "Number", "StringValue": "1"},
        "sockq.state": {"DataType": "Binary", "BinaryValue": b"owed"},
    }


async def test_an_explicit_id_is_the_jobs_id(sqs_open: OpenQueue) -> None:
    source = await sqs_open()
    assert await source.enqueue([NewJob(b"{}", id="mine")]) == ["mine"]
    (lease,) = await claim(source, 1)
    assert lease.id == "mine"


async def test_a_job_too_large_for_its_state_waits_in_its_place(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    payload = b'"' + b"x" * ((1 << 20) - 2) + b'"'  # not a byte more
    await source.enqueue([NewJob(payload)])
    (lease,) = await claim(source, 1)
    sqs_calls.calls.clear()
    assert await source.settle([Retry(lease, 0.0, b"owed: b")]) == [True]
    assert sqs_calls.names() == ["change_message_visibility_batch"]
    other = await sqs_open()  # of the same fleet: the state stands in its directory
    (again,) = await claim(other, 1)
    assert (again.id, again.payload) == (lease.id, payload)
    assert (again.attempt, again.crashes, again.state) == (2, 0, b"owed: b")
    assert await other.settle([Ack(again)]) == [True]
    assert other._records.get(message_of(lease)) is None


async def test_a_delay_beyond_what_sqs_can_is_made_of_several(
    sqs_open: OpenQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs_settle, "MOST_DELAY_SECONDS", 1)
    monkeypatch.setattr(sqs_enqueue, "MOST_DELAY_SECONDS", 1)
    source = await sqs_open()
    start = time.monotonic()
    (id_,) = await source.enqueue([NewJob(b"{}")], 3.0)
    (lease,) = await claim(source, 1)
    assert time.monotonic() - start > 2.4
    assert (lease.id, lease.attempt, lease.crashes) == (id_, 1, 0)
    start = time.monotonic()
    assert await source.settle([Retry(lease, 3.0, b"s")]) == [True]
    (again,) = await claim(source, 1)
    assert time.monotonic() - start > 2.4
    assert (again.id, again.attempt, again.crashes, again.state) == (lease.id, 2, 0, b"s")
