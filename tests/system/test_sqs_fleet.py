"""A fleet with a Sockudo server's sqs configuration, on moto's server in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from support import fixtures
from support.fleet import Fleet
from support.jobs import app, identity, job
from support.replay import comparable_request
from support.sink import Sink, events, header
from support.sqs_server import SqsServer
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

EVENTS = ["channel_occupied", "channel_vacated", "subscription_count", "client_event"]
GROUPS = 10
IN_GROUP = 100


class Queue:
    """The variables that a Sockudo server reads for its queue, and a producer's client."""

    def __init__(self, server: SqsServer, **variables: str) -> None:
        self.client: Any = boto3.client(
            "sqs",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id=server.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=server.environment["AWS_SECRET_ACCESS_KEY"],
        )
        self.env = {
            **server.environment,
            "QUEUE_DRIVER": "sqs",
            "QUEUE_SQS_ENDPOINT_URL": server.url,
            "QUEUE_SQS_WAIT_TIME_SECONDS": "1",
            **variables,
        }

    def send(self, name: str, entries: list[dict[str, str]]) -> None:
        url = self.client.get_queue_url(QueueName=name)["QueueUrl"]
        for start in range(0, len(entries), 10):
            batch = [{"Id": str(n), **e} for n, e in enumerate(entries[start : start + 10])]
            answer = self.client.send_message_batch(QueueUrl=url, Entries=batch)
            assert not answer.get("Failed")

    def attributes(self, name: str) -> dict[str, str]:
        url = self.client.get_queue_url(QueueName=name)["QueueUrl"]
        found = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: dict[str, str] = found["Attributes"]
        return attributes

    def left(self, name: str) -> int:
        found = self.attributes(name)
        names = ("", "NotVisible", "Delayed")
        return sum(int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)

    def bodies(self, name: str) -> list[str]:
        """Of the messages that one receive brings."""
        return [message["Body"] for message in self.messages(name)]

    def messages(self, name: str) -> list[dict[str, Any]]:
        """What one receive brings."""
        url = self.client.get_queue_url(QueueName=name)["QueueUrl"]
        found = self.client.receive_message(
            QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=10
        )
        messages: list[dict[str, Any]] = found.get("Messages", [])
        return messages


@pytest.fixture(scope="module")
def process() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


@pytest.fixture
def sqs(process: SqsServer) -> SqsServer:
    """A server without a queue: Sockudo's is always called webhooks."""
    process.reset()
    return process


def config(*apps: dict[str, object], **own: object) -> dict[str, object]:
    return {"app_manager": {"array": {"apps": list(apps)}}, "sockq": own}


def test_recorded_messages_of_both_versions_arrive_as_recorded(sqs: SqsServer) -> None:
    queue = Queue(sqs)
    messages, wanted = [], []
    for version in ("4.7.0", "5.0.1"):
        path = next(path for path in fixtures.sockudo(version) if path.stem == "sqs")
        recorded = fixtures.load(path)["standard"]
        messages += [{"MessageBody": message["Body"]} for message in recorded["messages"]]
        wanted += [comparable_request(sent) for sent in fixtures.requests_of(recorded)]
    with Sink({"app-key": "app-secret"}, fresh_only=False) as sink:
        configuration = config(app(1, f"{sink.url}/hook", events=EVENTS))
        with Fleet(configuration, workers=2, env=queue.env) as fleet:
            assert f"SQS in us-east-1 ({sqs.url}), queue webhooks, 1 app" in fleet.log()
            created = queue.attributes("webhooks")
            assert (created["VisibilityTimeout"], created.get("FifoQueue")) == ("30", None)
            queue.send("webhooks", messages)
            until(lambda: sink.count >= len(wanted), within=15, explain=fleet.log)
            until(lambda: not queue.left("webhooks"), within=10, explain=fleet.log)
        assert sorted(map(comparable_request, sink.received)) == sorted(wanted)


def test_a_dead_worker_s_message_is_sent_again_at_once(sqs: SqsServer) -> None:
    """The visibility timeout is 300 s: what brings it back is the fleet's journal."""
    queue = Queue(sqs, QUEUE_SQS_VISIBILITY_TIMEOUT="300")
    with Sink({}, Rules(default=Rule(silent=True))) as sink:
        with Fleet(config(app(1, sink.url)), workers=2, env=queue.env) as fleet:
            assert Path(fleet.run_dir, "sqs").is_dir()
            queue.send("webhooks", [{"MessageBody": job("held").decode()}])
            until(lambda: sink.count == 1, within=10, explain=fleet.log)
            sink.set_rules(Rules())
            (busy,) = until(lambda: [w for w in fleet.status()["workers"] if w["in_flight"]])
            killed = time.monotonic()
            os.kill(busy["pid"], signal.SIGKILL)
            until(lambda: sink.count == 2, within=10, explain=fleet.log)
            assert time.monotonic() - killed < 5.0
            first, second = sink.received
            assert header(first, "X-Sockq-Delivery-Id") == header(second, "X-Sockq-Delivery-Id")
            until(lambda: not queue.left("webhooks"), within=10, explain=fleet.log)
        assert sink.count == 2


def test_a_malformed_message_is_a_dead_letter_and_no_message_any_more(sqs: SqsServer) -> None:
    queue = Queue(sqs)
    with Sink({}) as sink:
        with Fleet(config(app(1, sink.url)), workers=1, env=queue.env) as fleet:
            bad = '{"app_key":"app-key","payload":'
            queue.send("webhooks", [{"MessageBody": bad}, {"MessageBody": job("good").decode()}])
            until(lambda: not queue.left("webhooks"), within=15, explain=fleet.log)
        assert queue.bodies("webhooks-dead") == [bad]
        assert [events(r)[0]["channel"] for r in sink.received] == ["good"]


def test_a_fifo_queue_keeps_the_order_of_each_group_through_failures(sqs: SqsServer) -> None:
    queue = Queue(sqs, QUEUE_SQS_FIFO="true")
    statuses = ((200,) * 60 + (500,)) * 8 + (200,)
    rules = Rules(by_path={"/shaky": Rule(sequence=statuses)})
    with Sink({}, rules) as sink:
        apps = app(1, f"{sink.url}/steady"), app(2, f"{sink.url}/shaky")
        with Fleet(config(*apps), workers=2, env=queue.env) as fleet:
            created = queue.attributes("webhooks.fifo")
            assert created["ContentBasedDeduplication"] == "true"
            queue.send("webhooks.fifo", [message(n) for n in range(GROUPS * IN_GROUP)])
            until(lambda: len(taken(sink)) >= GROUPS * IN_GROUP, within=40, explain=fleet.log)
            until(lambda: not queue.left("webhooks.fifo"), within=10, explain=fleet.log)
        assert order(sink) == {f"g{group}": list(range(IN_GROUP)) for group in range(GROUPS)}
        assert sum(r.status == 500 for r in sink.to("/shaky")) == 8


def test_a_fifo_queue_keeps_the_order_of_each_group_while_an_endpoint_is_disabled(
    sqs: SqsServer,
) -> None:
    queue = Queue(sqs, QUEUE_SQS_FIFO="true")
    with Sink({}) as sink:
        apps = app(1, f"{sink.url}/on"), app(2, f"{sink.url}/off")
        with Fleet(config(*apps), workers=2, env=queue.env) as fleet:
            queue.send("webhooks.fifo", [message(n) for n in range(10 * GROUPS)])
            until(lambda: len(sink.to("/off")) > GROUPS, within=15, explain=fleet.log)
            assert fleet.ctl("disable", "app-2").returncode == 0
            queue.send("webhooks.fifo", [message(n) for n in range(10 * GROUPS, 20 * GROUPS)])
            until(lambda: len(sink.to("/on")) == 10 * GROUPS, within=20, explain=fleet.log)
            assert len(sink.to("/off")) < 10 * GROUPS
            assert fleet.ctl("enable", "app-2").returncode == 0
            until(lambda: len(sink.to("/off")) >= 10 * GROUPS, within=40, explain=fleet.log)
            until(lambda: not queue.left("webhooks.fifo"), within=10, explain=fleet.log)
        assert order(sink) == {f"g{group}": list(range(20)) for group in range(GROUPS)}
        assert {header(one, "X-Sockq-Attempt") for one in sink.received} == {"1"}


def message(number: int) -> dict[str, str]:
    """The groups take turns; half of them belong to the app with the endpoint that fails."""
    group, place = number % GROUPS, number // GROUPS
    body = job(f"g{group}-{place}", app=1 + group % 2).decode()
    return {"MessageBody": body, "MessageGroupId": f"g{group}"}


def taken(sink: Sink) -> list[str]:
    """Channels of what was answered with 200, in the order of arrival."""
    return [str(events(r)[0]["channel"]) for r in sink.received if r.status == 200]


def test_check_and_enqueue_speak_of_the_same_queue(sqs: SqsServer) -> None:
    queue = Queue(sqs, QUEUE_SQS_FIFO="1")
    fleet = Fleet(config(app(1, "http://127.0.0.1:1/")), env=queue.env)
    told = command(fleet, queue, "check")
    assert f"webhooks.fifo, SQS in us-east-1 ({sqs.url})" in told
    assert "QUEUE_SQS_CONCURRENCY=0 on each" in told
    what = ("--app", identity(1)[0], "--event", "channel_occupied", "--channel", "c")
    assert "enqueued 1 job into webhooks.fifo" in command(fleet, queue, "enqueue", *what)
    (found,) = queue.messages("webhooks.fifo")
    assert found["Attributes"]["MessageGroupId"] == "default"
    body = json.loads(found["Body"])
    assert body["payload"]["events"][0]["channel"] == "c"


def order(sink: Sink) -> dict[str, list[int]]:
    """Of each group, the places of what was taken."""
    found: dict[str, list[int]] = defaultdict(list)
    for channel in taken(sink):
        group, _, number = channel.partition("-")
        found[group].append(int(number))
    return found


def command(fleet: Fleet, queue: Queue, verb: str, *args: str) -> str:
    done = subprocess.run(
        [*fleet.command(verb, *args), "--config", str(fleet.config_path)],
        env={**os.environ, **queue.env},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
