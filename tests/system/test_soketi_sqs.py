"""soketi's messages on SQS, through a real fleet with soketi's own configuration."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from support import fixtures
from support.fleet import Fleet
from support.replay import comparable_request
from support.sink import Sink
from support.sqs_server import SqsServer
from support.until import until

RECORDING = next(fixtures.load(path) for path in fixtures.soketi() if path.stem == "sqs")


@pytest.fixture(scope="module")
def sqs() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


class Shop:
    """A FIFO queue, the variables that soketi reads for it, and the app of the recording."""

    def __init__(self, server: SqsServer, name: str, port: int) -> None:
        self.client: Any = boto3.client(
            "sqs",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id=server.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=server.environment["AWS_SECRET_ACCESS_KEY"],
        )
        self.url = self.client.create_queue(
            QueueName=f"{name}.fifo",
            Attributes={"FifoQueue": "true", "VisibilityTimeout": "5"},
        )["QueueUrl"]
        hook = {
            "url": f"http://127.0.0.1:{port}/hook",
            "event_types": ["channel_occupied", "client_event"],
        }
        app = {"id": "app-id", "key": "app-key", "secret": "app-secret", "webhooks": [hook]}
        self.config = {"appManager.array.apps": [app]}
        self.env = {
            **server.environment,
            "SOKETI_QUEUE_DRIVER": "sqs",
            "SOKETI_QUEUE_SQS_URL": self.url,
            "SOKETI_QUEUE_SQS_ENDPOINT": server.url,
        }

    def left(self) -> int:
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(int(found["Attributes"][name]) for name in names)


def test_recorded_messages_arrive_as_recorded_and_are_deleted(sqs: SqsServer) -> None:
    calls = [call["params"] for call in RECORDING["roundtrip"]["enqueue_calls"]]
    wanted = sorted(map(comparable_request, fixtures.requests_of(RECORDING["roundtrip"])))
    assert len(calls) == len(wanted) > 1
    with Sink({"app-key": "app-secret"}, fresh_only=False) as sink:
        shop = Shop(sqs, "replay", sink.port)
        for call in calls:
            shop.client.send_message(**call | {"QueueUrl": shop.url})
        with Fleet(shop.config, workers=1, env=shop.env) as fleet:
            until(lambda: not shop.left(), within=20, explain=fleet.log)
        assert sorted(map(comparable_request, sink.received)) == wanted


def test_enqueue_puts_a_job_in_the_group_of_its_app_and_queue(sqs: SqsServer) -> None:
    shop = Shop(sqs, "enqueue", 1)
    fleet = Fleet(shop.config, env=shop.env)
    job = ("--app", "app-id", "--event", "client_event", "--channel", "private-a")
    done = subprocess.run(
        [*fleet.command("enqueue", *job), "--config", str(fleet.config_path)],
        env={**os.environ, **shop.env},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    (message,) = received(shop)
    assert message["Attributes"]["MessageGroupId"] == "app-id_client_event_webhooks"
    body: dict[str, Any] = json.loads(message["Body"])
    assert list(body) == ["appKey", "appId", "payload", "originalPusherSignature"]


def received(shop: Shop) -> list[Any]:
    found = shop.client.receive_message(
        QueueUrl=shop.url, AttributeNames=["All"], WaitTimeSeconds=5
    )
    return list(found["Messages"])
