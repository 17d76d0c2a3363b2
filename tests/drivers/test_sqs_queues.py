"""Where SQS queues are: created as the servers would, found, or told by a prefix."""

from __future__ import annotations

from typing import Any

import pytest
from support.sqs_server import SqsServer
from support.sqs_sources import CallLog, OpenQueue, claim

from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Ack, NewJob


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
    with pytest.raises(
        BackendRefused, match=rf"no queue pre-{sqs_queue} .*queue_url_prefix, or unset"
    ):
        await sqs_open(queue_url_prefix=prefix)
    sqs_client.create_queue(QueueName=f"pre-{sqs_queue}")
    source = await sqs_open(queue_url_prefix=prefix)
    await source.enqueue([NewJob(b"{}")])
    (lease,) = await claim(source, 1)
    assert await source.settle([Ack(lease)]) == [True]
    assert not {"get_queue_url", "create_queue"} & set(sqs_calls.names())
    urls = {given["QueueUrl"] for _, given in sqs_calls.calls}
    assert urls == {f"{prefix}{sqs_queue}"}
