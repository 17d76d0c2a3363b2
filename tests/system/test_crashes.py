"""Processes that are really killed: nothing is lost, and only what was in flight comes twice."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from functools import partial

import redis
from support.fleet import SERVING, Fleet
from support.jobs import KEY, app, feed, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, events, header
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

JOBS = 5_000
KILLS = 20
WORKERS = 3
IN_FLIGHT = 64


def test_twenty_kills_in_five_thousand_jobs_lose_nothing(
    server: RedisServer, client: redis.Redis
) -> None:
    slow = Rules(default=Rule(delay_seconds=0.05))
    with Sink({}, slow) as sink:
        config = redis_config(
            server.url, app(1, sink.url), in_flight=IN_FLIGHT, endpoint_in_flight=16
        )
        with Fleet(config, workers=WORKERS) as fleet:
            feeder = threading.Thread(target=feed, args=(client, JOBS, 0.05))
            feeder.start()
            chance = random.Random(7)
            for _ in range(KILLS):
                victim = chance.choice(fleet.worker_pids())
                os.kill(victim, signal.SIGKILL)
                until(partial(_replaced, fleet, victim), within=2, explain=fleet.log)
            feeder.join()
            until(lambda: len(sink.channels()) == JOBS, within=60, explain=fleet.log)
            until(lambda: fleet.queue()["leased"] == 0, within=10)
            assert fleet.queue()["dead"] == 0
        ids = Counter(header(r, "X-Sockq-Delivery-Id") for r in sink.received)
        assert len(ids) == JOBS
        repeated = sum(count - 1 for count in ids.values())
        assert repeated <= KILLS * IN_FLIGHT
        by_id = {header(r, "X-Sockq-Delivery-Id"): events(r)[0]["channel"] for r in sink.received}
        assert len(set(by_id.values())) == JOBS, "an id names one job"


def _replaced(fleet: Fleet, victim: int) -> bool:
    workers = fleet.status()["workers"]
    serving = [w["pid"] for w in workers if w["pid"] and w["state"] in SERVING]
    return len(serving) == WORKERS and victim not in serving


def test_a_dead_worker_s_jobs_are_sent_again_within_two_seconds(
    server: RedisServer, client: redis.Redis
) -> None:
    """Sockudo 4 never sends them again, 5 after 29 s."""
    hold = Rules(default=Rule(silent=True))
    with Sink({}, hold) as sink, Fleet(redis_config(server.url, app(1, sink.url))) as fleet:
        client.rpush(KEY, job("held"))
        until(lambda: sink.count == 1, within=5)
        sink.set_rules(Rules())
        (busy,) = until(lambda: [w for w in fleet.status()["workers"] if w["in_flight"]])
        os.kill(busy["pid"], signal.SIGKILL)
        until(lambda: sink.count == 2, within=2, explain=fleet.log)
        first, second = sink.received
        assert header(first, "X-Sockq-Delivery-Id") == header(second, "X-Sockq-Delivery-Id")
        until(lambda: fleet.queue()["leased"] == 0, within=5)
