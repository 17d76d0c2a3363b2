"""SQS that refuses, is silent or answers in part; what is said of it shows no secret."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from support.sqs_server import SqsServer
from support.sqs_sources import CallLog, OpenQueue, claim

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SettlementRefused
from sockq.drivers.job import Ack, Dead, NewJob, Retry
from sockq.drivers.settings import SqsSettings
from sockq.drivers.sqs import SqsDriver
from sockq.drivers.sqs_errors import SqsRefused

SECRET = SqsServer.environment["AWS_SECRET_ACCESS_KEY"]


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


async def test_what_is_refused_in_a_batch_refuses_nothing_else(
    sqs_open: OpenQueue, sqs_calls: CallLog
) -> None:
    """No right to make the queue of dead letters: acks take effect and are told."""
    source = await sqs_open()
    await source.enqueue([NewJob(b"%d" % n) for n in range(3)])
    one, two, three = await claim(source, 3)

    def no_right(name: str, _: Any) -> Any:
        if name == "create_queue":
            raise SqsRefused("CreateQueue is refused", "AccessDenied")

    sqs_calls.disturb = no_right
    for others, results in (([Ack(three)], [None, True]), ([], [None])):
        with pytest.raises(SettlementRefused, match="create it yourself") as caught:
            await source.settle([Dead(two, "gone", b""), *others])
        assert caught.value.results == results
    assert await source.settle([Ack(one), Ack(three)]) == [True, False]
    assert await source.extend([two], 30.0) == [True]
    sqs_calls.disturb = lambda *_: None
    assert await source.settle([Dead(two, "gone", b"")]) == [True]
    (letter,) = (await source.dead_letters(None, 10)).letters
    assert letter.reason == "gone"


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
