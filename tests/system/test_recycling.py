"""Real workers that have done enough: fresh ones replace them, nothing is lost or sent twice."""

from __future__ import annotations

import json
from collections import Counter
from signal import SIGHUP
from typing import Any

import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, header
from support.until import until

LIMIT = 100


def test_a_worker_that_settled_enough_jobs_gives_way_to_a_fresh_one(
    server: RedisServer, client: redis.Redis
) -> None:
    pushed = 0

    def both_are_recycled() -> bool:
        """Feed until both are: the faster one may take all that is there at the beginning."""
        nonlocal pushed
        if sink.count == pushed:
            client.rpush(KEY, *[job(f"c{pushed + n}") for n in range(2 * LIMIT)])
            pushed += 2 * LIMIT
        return len(_recycled(fleet)) >= 2

    with Sink({}) as sink:
        config = redis_config(server.url, app(1, sink.url), recycle_jobs=LIMIT)
        with Fleet(config, workers=2) as fleet:
            before = set(fleet.worker_pids())
            until(both_are_recycled, within=40, explain=fleet.log)
            until(lambda: not before & set(fleet.worker_pids()), within=20, explain=fleet.log)
            until(lambda: sink.count == pushed, within=20, explain=fleet.log)
        assert fleet.wait() == 0
        ids = Counter(header(r, "X-Sockq-Delivery-Id") for r in sink.received)
        assert len(ids) == pushed
        assert set(ids.values()) == {1}
        assert {one["exit"] for one in _recycled(fleet)} == {"exit 86"}


def test_a_reload_brings_new_limits(server: RedisServer, client: redis.Redis) -> None:
    with Sink({}) as sink:
        with Fleet(redis_config(server.url, app(1, sink.url)), workers=1) as fleet:
            config = redis_config(server.url, app(1, sink.url), recycle_seconds=1, soak_seconds=0)
            fleet.config_path.write_text(json.dumps(config))
            fleet.signal(SIGHUP)
            until(lambda: _recycled(fleet), within=40, explain=fleet.log)
            client.rpush(KEY, job("still works"))
            until(lambda: sink.count == 1, within=10, explain=fleet.log)
        assert fleet.wait() == 0


def _recycled(fleet: Fleet) -> list[dict[str, Any]]:
    return [one for one in fleet.events("process-ended") if one["cause"] == "recycled"]
