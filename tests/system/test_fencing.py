"""A worker that was frozen beyond its leases harms nobody when it is thawed."""

from __future__ import annotations

import os
import signal
from collections import Counter

import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, header
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

JOBS = 12
LEASE_SECONDS = 2


def test_a_thawed_worker_sends_nothing_more_and_acknowledges_nothing(
    server: RedisServer, client: redis.Redis
) -> None:
    """One request at a time: of what it held, one was on the wire, the others had not begun."""
    hold = Rules(default=Rule(silent=True))
    with Sink({}, hold) as sink:
        config = redis_config(
            server.url,
            app(1, sink.url),
            endpoint_in_flight=1,
            lease_seconds=LEASE_SECONDS,
            hang_seconds=120,
            stopped_seconds=120,
        )
        with Fleet(config, workers=1) as fleet:
            client.rpush(KEY, *[job(f"c{n}") for n in range(JOBS)])
            until(lambda: sink.count == 1, within=5, explain=fleet.log)
            frozen = fleet.worker_pids()[0]
            until(lambda: fleet.status()["workers"][0]["in_flight"] == JOBS, within=5)
            os.kill(frozen, signal.SIGSTOP)
            sink.set_rules(Rules())
            fleet.signal(signal.SIGTTIN)
            until(lambda: sink.count == JOBS + 1, within=30, explain=fleet.log)
            until(lambda: fleet.queue()["leased"] == 0, within=10, explain=fleet.log)
            os.kill(frozen, signal.SIGCONT)
            # The one on the wire too, when its answer does not come.
            until(lambda: fleet.status()["totals"]["lease_lost"] == JOBS, within=20)
            client.rpush(KEY, job("after"))
            until(lambda: sink.count == JOBS + 2, within=10, explain=fleet.log)
            assert frozen in fleet.worker_pids(), "it goes on, with new jobs"
            until(lambda: fleet.status()["totals"]["jobs_delivered"] == JOBS + 1, within=5)
            status = fleet.status()
            assert (status["queue"]["dead"], status["totals"]["retried"]) == (0, 0)
        ids = Counter(header(one, "X-Sockq-Delivery-Id") for one in sink.received)
        assert sorted(ids.values()) == [1] * JOBS + [2], "what was on the wire came twice"
