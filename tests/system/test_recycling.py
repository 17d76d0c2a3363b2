"""Real workers that have done enough: fresh ones replace them, nothing is lost or sent twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, header
from support.until import until

JOBS = 2_000


def test_a_worker_that_settled_enough_jobs_gives_way_to_a_fresh_one(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink({}) as sink:
        config = redis_config(server.url, app(1, sink.url), recycle_jobs=JOBS // 20)
        with Fleet(config, workers=2) as fleet:
            before = set(fleet.worker_pids())
            client.rpush(KEY, *[job(f"c{n}") for n in range(JOBS)])
            until(lambda: len(_recycled(fleet)) >= 2, within=40, explain=fleet.log)
            until(lambda: not before & set(fleet.worker_pids()), within=20, explain=fleet.log)
            until(lambda: sink.count == JOBS, within=20, explain=fleet.log)
        assert fleet.wait() == 0
        ids = Counter(header(r, "X-Sockq-Delivery-Id") for r in sink.received)
        assert len(ids) == JOBS
        assert set(ids.values()) == {1}
        assert {one["exit"] for one in _recycled(fleet)} == {"exit 86"}


def _recycled(fleet: Fleet) -> list[dict[str, Any]]:
    lines = [line for line in fleet.log().splitlines() if line.startswith("{")]
    ended = [one for one in map(json.loads, lines) if one["event"] == "process-ended"]
    return [one for one in ended if one["cause"] == "recycled"]
