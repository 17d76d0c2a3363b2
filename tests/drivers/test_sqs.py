"""SQS queues beyond the contract: what servers put in, where queues are, what goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from support import fixtures
from support.sqs_server import SqsServer
from support.sqs_sources import CallLog, OpenQueue
from support.until import async_until

from sockq.drivers import sqs_enqueue, sqs_settle
from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, Lease, NewJob, Release, Retry
from sockq.drivers.settings import SqsSettings
from sockq.drivers.source import Source
from sockq.drivers.sqs import SqsDriver

SECRET = SqsServer.environment["AWS_SECRET_ACCESS_KEY"]


def message_of(lease: Lease) -> str:
    """The id of a fresh job is its message's."""
    return lease.id


async def claim(source: Source, count: int, owner: str = "owner-1") -> list[Lease]:
    taken: list[Lease] = []

    async def enough() -> bool:
        taken.extend(await source.claim(count - len(taken), 0.2, owner))
        return len(taken) >= count

    await async_until(enough, 10.0)
    return taken


# --- what servers put in


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


# --- where queues are


@pytest.mark.parametrize(
    ("fifo", "expected"),
    [
        (False, {"VisibilityTimeout": "45"}),
        (
            True,
            {"VisibilityTimeout": "45", "FifoQueue": "true", "ContentBasedDeduplication": "true"},
        ),
    ],
)
async def test_a_missing_queue_is_created_as_the_servers_would(
    fifo: bool,
    expected: dict[str, str],
    sqs_open: OpenQueue,
    sqs_queue: str,
    sqs_calls: CallLog,
    sqs_client: Any,
) -> None:
    source = await sqs_open(fifo=fifo, visibility_timeout_seconds=45)
    name = sqs_queue + (".fifo" if fifo else "")
    assert source.name == name
    created = [given for call, given in sqs_calls.calls if call == "create_queue"]
    assert created == [{"QueueName": name, "Attributes": expected}]
    url = sqs_client.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs_client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {key: found[key] for key in expected} == expected
    await sqs_open(fifo=fifo, visibility_timeout_seconds=45)  # the second finds it
    assert sqs_calls.count("create_queue") == 1


async def test_an_existing_queue_is_used_as_it_is(
    sqs_open: OpenQueue, sqs_queue: str, sqs_calls: CallLog, sqs_client: Any
) -> None:
    sqs_client.create_queue(QueueName=sqs_queue, Attributes={"VisibilityTimeout": "7"})
    await sqs_open(visibility_timeout_seconds=30)
    assert "create_queue" not in sqs_calls.names()


async def test_a_prefix_is_believed(
    sqs_open: OpenQueue, sqs_queue: str, sqs_calls: CallLog, sqs_client: Any, sqs_server: SqsServer
) -> None:
    prefix = f"{sqs_server.url}/123456789012/pre-"
    with pytest.raises(BackendRefused, match=rf"no queue pre-{sqs_queue} .*queue_url_prefix, or unset"):
        await sqs_open(queue_url_prefix=prefix)
    sqs_client.create_queue(QueueName=f"pre-{sqs_queue}")
    source = await sqs_open(queue_url_prefix=prefix)
    await source.enqueue([NewJob(b"{}")])
    (lease,) = await claim(source, 1)
    assert await source.settle([Ack(lease)]) == [True]
    assert not {"get_queue_url", "create_queue"} & set(sqs_calls.names())
    urls = {given["QueueUrl"] for _, given in sqs_calls.calls}
    assert urls == {f"{prefix}{sqs_queue}"}


# --- state that travels


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


# --- leases


async def test_extending_reaches_beyond_the_visibility_timeout(sqs_open: OpenQueue) -> None:
    source = await sqs_open(lease_seconds=1.0)
    other = await sqs_open(lease_seconds=1.0)
    await source.enqueue([NewJob(b"{}")])
    (lease,) = await claim(source, 1)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert await source.extend([lease], 1.0) == [True]
        assert await other.claim(10, 0.3, "other") == []
    assert await source.settle([Ack(lease)]) == [True]


async def test_extensions_and_deletions_go_ten_a_call(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(25)])
    leases = await claim(source, 25)
    sqs_calls.calls.clear()
    assert await source.extend(leases, 60.0) == [True] * 25
    assert sqs_calls.names() == ["change_message_visibility_batch"] * 3
    sqs_calls.calls.clear()
    assert await source.settle([Ack(lease) for lease in leases]) == [True] * 25
    assert sqs_calls.names() == ["delete_message_batch"] * 3


async def test_a_claim_of_many_receives_side_by_side(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(100)])
    sqs_calls.calls.clear()
    leases = await claim(source, 100)
    assert len({lease.id for lease in leases}) == 100
    assert sqs_calls.count("receive_message") in range(10, 20)


async def test_an_idle_worker_makes_one_call_a_wait(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open(wait_time_seconds=2)
    sqs_calls.calls.clear()
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        await source.claim(16, 1.0, "owner-1")  # a claim ends, its receive goes on
    assert sqs_calls.names() in (["receive_message"] * 2, ["receive_message"] * 3)
    assert {given["WaitTimeSeconds"] for _, given in sqs_calls.calls} <= {0, 2}


WORKER = """
    import asyncio, sys
    from pathlib import Path
    from sockq.drivers.settings import SqsSettings
    from sockq.drivers.sqs import SqsDriver

    async def main():
        url, queue, journal, fifo = sys.argv[1:5]
        driver = SqsDriver(SqsSettings(
            endpoint_url=url, queue=queue, journal=Path(journal), fifo=bool(fifo)))
        await driver.open()
        held = 0
        while held < 3:
            held += len(await driver.sources[0].claim(3 - held, 5.0, "dead-owner"))
        print("held", flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""


@pytest.mark.parametrize("fifo", [False, True])
async def test_jobs_of_a_killed_process_come_back_at_once(
    fifo: bool, sqs_open: OpenQueue, sqs_server: SqsServer, sqs_queue: str, tmp_path: Path
) -> None:
    source = await sqs_open(fifo=fifo, message_group_id=None)
    ids = await source.enqueue([NewJob(b"%d" % n) for n in range(4)])
    worker = subprocess.Popen(  # noqa: ASYNC220 - starts in a millisecond
        [
            *(sys.executable, "-c", textwrap.dedent(WORKER), sqs_server.url, sqs_queue),
            *(str(tmp_path / "journal"), "1" if fifo else ""),
        ],
        stdout=subprocess.PIPE,
        env=os.environ,
    )
    assert worker.stdout is not None
    assert await asyncio.to_thread(worker.stdout.readline) == b"held\n"
    (mine,) = await claim(source, 1, "owner-1")
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    worker.stdout.close()
    assert await source.claim(10, 0.0, "owner-1") == []
    start = time.monotonic()
    assert await source.reclaim("dead-owner") == 3
    leases = await claim(source, 3, "owner-2")
    assert time.monotonic() - start < 5.0, "not after the 30 s of the lease"
    assert {lease.id for lease in [mine, *leases]} == set(ids)
    assert [(lease.attempt, lease.crashes) for lease in leases] == [(1, 1)] * 3
    assert await source.reclaim("dead-owner") == 0
    assert await source.settle([Ack(mine)]) == [True], "a living owner's lease stays"
    assert not list((tmp_path / "journal").rglob("dead-owner*"))


async def test_without_a_journal_a_process_knows_of_itself(sqs_open: OpenQueue) -> None:
    source = await sqs_open(journal=None)
    other = await sqs_open(journal=None)
    await source.enqueue([NewJob(b"{}")])
    (lease,) = await claim(source, 1)
    assert await other.reclaim("owner-1") == 0
    assert await source.reclaim("owner-1") == 1
    (again,) = await claim(other, 1, "owner-2")
    assert (again.id, again.crashes) == (lease.id, 1)
    assert await source.settle([Ack(lease)]) == [False]
    assert await other.settle([Ack(again)]) == [True]


async def test_what_came_for_nobody_goes_back_when_the_driver_is_closed(
    sqs_open: OpenQueue,
) -> None:
    source = await sqs_open()
    other = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(3)])
    with source._inbox.claiming():
        source._inbox.want(10, 0.0)
        await async_until(lambda: len(source._inbox.messages) == 3)
    await source.give_back()
    leases = await claim(other, 3)
    assert [lease.crashes for lease in leases] == [0] * 3, "nobody had worked on them"
    await other.settle([Release(lease) for lease in leases])


# --- what goes wrong


async def test_no_credentials(
    sqs_open: OpenQueue, sqs_server: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(BackendRefused, match="set AWS_ACCESS_KEY_ID") as caught:
        await sqs_open()
    assert f"SQS in us-east-1 ({sqs_server.url})" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_nothing_answers(sqs_server: SqsServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connecting is refused
        port = taken.getsockname()[1]
        url = f"http://user:pa55@127.0.0.1:{port}"
        driver = SqsDriver(SqsSettings(endpoint_url=url))
        start = time.monotonic()
        with pytest.raises(BackendUnavailable) as caught:
            await driver.open()
        await driver.close()
    assert time.monotonic() - start < 8.0
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "pa55" not in str(caught.value) + repr(driver._settings)


async def test_a_silent_endpoint_is_given_up_in_seconds(sqs_server: SqsServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = SqsSettings(
            endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            wait_time_seconds=0,
            response_timeout_seconds=0.5,
        )
        driver = SqsDriver(settings)
        start = time.monotonic()
        with pytest.raises(BackendUnavailable, match="no answer in time"):
            await driver.open()
        await driver.close()
    assert time.monotonic() - start < 6.0


async def test_an_outage_is_an_error_of_a_claim_and_passes(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    sqs_calls.disturb = _down
    with pytest.raises(BackendUnavailable, match="down"):
        await source.claim(1, 2.0, "owner-1")
    with pytest.raises(BackendUnavailable, match="down"):
        await source.enqueue([NewJob(b"{}")])
    sqs_calls.disturb = lambda *_: None
    await source.enqueue([NewJob(b"{}")])
    assert len(await claim(source, 1)) == 1


def _down(*_: object) -> None:
    raise BackendUnavailable("down")


async def test_entries_that_fail_are_tried_again_or_false(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(4)])
    leases = await claim(source, 4)
    sizes = []

    def partly(name: str, parameters: Any) -> Any:
        if name != "delete_message_batch":
            return None
        entries = parameters["Entries"]
        sizes.append(len(entries))
        if len(sizes) > 1:
            return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}
        first, second, third, fourth = (entry["Id"] for entry in entries)
        handle = {"Code": "ReceiptHandleIsInvalid", "Message": "gone", "SenderFault": True}
        busy = {"Code": "InternalError", "Message": "later", "SenderFault": False}
        return {
            "Successful": [{"Id": first}, {"Id": fourth}],
            "Failed": [{"Id": second, **handle}, {"Id": third, **busy}],
        }

    sqs_calls.disturb = partly
    results = await source.settle([Ack(lease) for lease in leases])
    assert results == [True, False, True, True]
    assert sizes == [4, 1], "only what failed on the service's side is sent again"


async def test_a_batch_that_comes_again_after_an_outage_keeps_its_successes(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(2)])
    one, two = await claim(source, 2)

    def no_sending(name: str, _: Any) -> Any:
        return _down() if name == "send_message_batch" else None

    sqs_calls.disturb = no_sending
    with pytest.raises(BackendUnavailable, match="down"):
        await source.settle([Ack(one), Retry(two, 0.0, b"")])
    sqs_calls.disturb = lambda *_: None
    assert await source.settle([Ack(one), Retry(two, 0.0, b"")]) == [True, True]
    assert await source.settle([Ack(one)]) == [False]


async def test_a_settlement_cut_between_send_and_delete_is_not_sent_twice(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    source = await sqs_open()
    await source.enqueue([NewJob(b"{}")])
    (lease,) = await claim(source, 1)

    def no_deleting(name: str, _: Any) -> Any:
        return _down() if name == "delete_message_batch" else None

    sqs_calls.disturb = no_deleting
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match="down"):
            await source.settle([Retry(lease, 0.0, b"s")])
    sqs_calls.disturb = lambda *_: None
    assert await source.settle([Retry(lease, 0.0, b"s")]) == [True]
    (again,) = await claim(source, 1)
    assert (again.id, again.attempt) == (lease.id, 2)
    assert await source.claim(10, 0.3, "owner-1") == [], "there is one copy"


async def test_a_queue_that_is_deleted_under_us(sqs_open: OpenQueue, sqs_client: Any) -> None:
    source = await sqs_open()
    url = sqs_client.get_queue_url(QueueName=source.name)["QueueUrl"]
    sqs_client.delete_queue(QueueUrl=url)
    with pytest.raises(BackendRefused, match=r"ReceiveMessage of .*no such queue"):
        await source.claim(1, 0.0, "owner-1")


async def test_no_word_of_the_secret(sqs_open: OpenQueue, sqs_calls: CallLog) -> None:
    source = await sqs_open()
    sqs_calls.disturb = _down
    texts = [repr(source._settings), repr(vars(source._client)), source.name]
    with pytest.raises(BackendUnavailable) as caught:
        await source.stats()
    assert SECRET not in "".join([*texts, str(caught.value)])
