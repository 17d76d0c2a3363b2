"""A dead endpoint never delays another app."""

from __future__ import annotations

import time

import pytest
import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules


@pytest.mark.parametrize(("hanging", "within"), [(200, 1.0), (5_000, 5.0)])
def test_a_job_of_another_app_overtakes_a_hanging_endpoint(
    server: RedisServer, client: redis.Redis, hanging: int, within: float
) -> None:
    """200 jobs for an endpoint that hangs, then one for another app: both servers' own workers
    had not delivered it after 90 s."""
    rules = Rules(by_path={"/hang": Rule(silent=True)})
    with Sink({}, rules) as sink:
        config = redis_config(server.url, app(1, sink.url + "/hang"), app(2, sink.url + "/ok"))
        with Fleet(config, workers=2):
            client.rpush(KEY, *[job(f"h{n}") for n in range(hanging)])
            until(lambda: bool(sink.to("/hang")), within=10)
            pushed = time.monotonic()
            client.rpush(KEY, job("other", app=2))
            until(lambda: bool(sink.to("/ok")), within=within)
            assert time.monotonic() - pushed < within


def test_a_refused_connection_delays_nobody(server: RedisServer, client: redis.Redis) -> None:
    with Sink({}) as sink:
        config = redis_config(
            server.url, app(1, "http://127.0.0.1:1/refused"), app(2, sink.url + "/ok")
        )
        with Fleet(config, workers=1):
            client.rpush(KEY, *[job(f"h{n}") for n in range(2_000)])
            client.rpush(KEY, *[job(f"o{n}", app=2) for n in range(50)])
            until(lambda: len(sink.to("/ok")) == 50, within=5)
