"""What a real fleet tells of single requests: in its log, and in an endpoint's row."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, header
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules


def test_failures_are_in_the_log_and_in_the_endpoints_row(
    server: RedisServer, client: redis.Redis
) -> None:
    rules = Rules(by_path={"/shaky": Rule(sequence=(500, 503, 200))})
    with Sink({"app-key": "app-secret"}, rules) as sink:
        config = redis_config(server.url, app(1, sink.url + "/shaky", sink.url + "/steady"))
        with Fleet(config, workers=1) as fleet:
            client.rpush(KEY, job("c1"))
            until(lambda: len(sink.to("/shaky")) == 3, within=20, explain=fleet.log)
            until(lambda: len(fleet.events("attempt-failed")) == 2, explain=fleet.log)
            shaky = until(lambda: recent(fleet, "/shaky"), explain=fleet.log)
            assert recent(fleet, "/steady") == []
            failed = fleet.events("attempt-failed")
            assert not fleet.events("attempt-delivered"), "off unless asked for"
        first, second = sink.to("/shaky")[:2]
        assert [one["delivery"] for one in failed] == [
            header(sent, "X-Sockq-Delivery-Id") for sent in (first, second)
        ]
        assert [(one["status"], one["attempt"]) for one in failed] == [(500, 1), (503, 2)]
        assert all(one["bytes_out"] == len(first.body) for one in failed)
        assert all(one["retry_in_ms"] >= 0 and one["endpoint"].endswith("/shaky") for one in failed)
        assert [(one["what"], one["attempt"]) for one in shaky] == [
            ("status 500", 1),
            ("status 503", 2),
        ]


def recent(fleet: Fleet, path: str) -> list[dict[str, Any]]:
    rows = [row for row in fleet.status()["endpoints"] if row["label"].endswith(path)]
    found: list[dict[str, Any]] = rows[0]["recent_failures"] if rows else []
    return found if path != "/shaky" or len(found) == 2 else []


@pytest.mark.parametrize(("share", "low", "high"), [("1", 200, 200), ("0.5", 50, 150)])
def test_successes_are_told_as_often_as_is_asked_for(
    server: RedisServer, client: redis.Redis, share: str, low: int, high: int
) -> None:
    with Sink({"app-key": "app-secret"}) as sink:
        config = redis_config(server.url, app(1, sink.url))
        with Fleet(config, workers=1, env={"SOCKQ_LOG_SUCCESS": share}) as fleet:
            client.rpush(KEY, *(job(f"c{n}") for n in range(200)))
            until(lambda: sink.count == 200, within=20, explain=fleet.log)
            assert fleet.stop() == 0
            lines = fleet.events("attempt-delivered")
    assert low <= len(lines) <= high
    assert {(one["status"], one["attempt"], one["outcome"]) for one in lines} == {(200, 1, "2xx")}
