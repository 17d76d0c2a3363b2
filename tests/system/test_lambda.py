"""Fleets with Lambda targets: delivered, retried, dead-lettered as endpoints are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.lambda_server import Answer, Invoked, LambdaServer, refusal
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until


@pytest.fixture
def functions() -> Iterator[LambdaServer]:
    with LambdaServer() as started:
        yield started


def environment(functions: LambdaServer) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_LAMBDA": functions.url,
        "AWS_ACCESS_KEY_ID": "AKIDTEST",
        "AWS_SECRET_ACCESS_KEY": "secret-of-nobody",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def with_function(number: int, *hooks: dict[str, Any], url: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = app(number, *([] if url is None else [url]))
    made["policy"]["webhooks"] += [{"event_types": ["channel_occupied"], **hook} for hook in hooks]
    return made


def payload_of(raw: bytes) -> bytes:
    """The payload in a job, its own bytes."""
    start = raw.index(b'"payload":') + len(b'"payload":')
    return raw[start : raw.index(b',"original_signature"')]


def test_functions_get_the_jobs_own_bytes_beside_an_endpoint(
    server: RedisServer, client: redis.Redis, functions: LambdaServer
) -> None:
    with Sink({"app-key": "app-secret"}) as sink:
        target = {"lambda": {"function_name": "fn", "region": "eu-west-1"}}
        wanted = redis_config(server.url, with_function(1, target, url=sink.url))
        with Fleet(wanted, workers=1, env=environment(functions)) as fleet:
            jobs = [job(f"c{number}", extra=',"data":1.10') for number in range(20)]
            client.rpush(KEY, *jobs)
            until(lambda: sink.count == 20 and len(functions.invoked) == 20, within=20)
            until(lambda: fleet.queue()["leased"] == 0, within=10)
            queue = fleet.queue()
    assert (queue["ready"], queue["delayed"], queue["dead"]) == (0, 0, 0)
    assert {one.payload for one in functions.invoked} == {payload_of(raw) for raw in jobs}
    assert {(one.kind, one.region) for one in functions.invoked} == {("Event", "eu-west-1")}


def test_failures_are_decided_as_an_endpoints(
    server: RedisServer, client: redis.Redis, functions: LambdaServer
) -> None:
    def rule(one: Invoked) -> Answer:
        if one.function == "gone":
            return refusal(404, "ResourceNotFoundException")
        return Answer(202) if len(functions.to("weak")) > 2 else refusal(500, "ServiceException")

    functions.rule = rule
    apps = [
        with_function(1, {"lambda_function": "weak"}),
        with_function(2, {"lambda_function": "gone"}),
    ]
    wanted: dict[str, Any] = redis_config(server.url, *apps)
    wanted["webhooks"] = {"retry": {"max_attempts": 3, "initial_backoff_ms": 50}}
    with Fleet(wanted, workers=1, env=environment(functions)) as fleet:
        client.rpush(KEY, job("weak"), job("gone", app=2))
        until(lambda: len(functions.to("weak")) == 3, within=20, explain=fleet.log)
        until(lambda: fleet.queue()["dead"] == 1, within=30, explain=fleet.log)
        until(lambda: fleet.queue()["leased"] == 0, within=10)
        log = fleet.log()
        queue = fleet.queue()
    assert (queue["ready"], queue["delayed"]) == (0, 0)
    assert len(functions.to("gone")) == 3, "a deploy makes short 404s"
    (dead,) = fleet.events("job-dead")
    assert dead["reason"] == "endpoint answered 404 (3 attempts)"
    assert "ResourceNotFoundException" in log
    assert "secret-of-nobody" not in log


def test_a_function_that_hangs_delays_no_endpoint_and_no_drain(
    server: RedisServer, client: redis.Redis, functions: LambdaServer
) -> None:
    over = threading.Event()
    functions.rule = lambda _: Answer(hold=over)
    with Sink({"app-key": "app-secret", "key-2": "secret-2"}) as sink:
        apps = [with_function(1, {"lambda_function": "slow"}), app(2, sink.url)]
        wanted = redis_config(server.url, *apps, drain_seconds=2)
        with Fleet(wanted, workers=1, env=environment(functions)) as fleet:
            client.rpush(KEY, *(job(f"slow{number}") for number in range(300)))
            until(lambda: functions.invoked, within=10)
            client.rpush(KEY, *(job(f"quick{number}", app=2) for number in range(100)))
            until(lambda: sink.count == 100, within=10, explain=fleet.log)
            assert fleet.stop(within=20) == 1, "the deadline cut what hung"
        over.set()
        # Nothing is lost: what was not taken stands in the queue for the next fleet.
        functions.rule = lambda _: Answer(202)
        before = len(functions.invoked)
        with Fleet(wanted, workers=1, env=environment(functions)) as fleet:
            until(lambda: _all(functions, before) == 300, within=40, explain=fleet.log)


def _all(functions: LambdaServer, since: int) -> int:
    return len({one.payload for one in functions.invoked[since:]})
