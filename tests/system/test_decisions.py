"""What a fleet does about an answer: try again, dead-letter, spare the targets that have it."""

from __future__ import annotations

import json
import time

import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, events, header
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

SECRETS = {"app-key": "app-secret"}
OUTAGE_SECONDS = 10.0


def test_two_failures_then_success_is_one_delivery_to_each_target(
    server: RedisServer, client: redis.Redis
) -> None:
    """500, 500, 200: the third try delivers; the other target of the job got it once."""
    rules = Rules(by_path={"/shaky": Rule(sequence=(500, 500, 200))})
    with Sink(SECRETS, rules) as sink:
        config = redis_config(server.url, app(1, sink.url + "/shaky", sink.url + "/steady"))
        with Fleet(config) as fleet:
            client.rpush(KEY, job("c1"))
            until(lambda: len(sink.to("/shaky")) == 3, within=20)
            until(lambda: fleet.queue() == empty_queue(fleet.queue()), within=5)
        tries = sink.to("/shaky")
        assert [r.status for r in tries] == [500, 500, 200]
        assert len(sink.to("/steady")) == 1
        assert all(r.verdict.ok for r in sink.received)
        assert len({header(r, "X-Sockq-Delivery-Id") for r in tries}) == 1
        assert [header(r, "X-Sockq-Attempt") for r in tries] == ["1", "2", "3"]
        assert header(sink.to("/steady")[0], "X-Sockq-Delivery-Id") != header(
            tries[0], "X-Sockq-Delivery-Id"
        )


def test_a_404_for_ever_is_dead_lettered_with_its_reason(
    server: RedisServer, client: redis.Redis
) -> None:
    rules = Rules(by_path={"/gone": Rule(status=404)})
    with Sink(SECRETS, rules) as sink:
        config = redis_config(server.url, app(1, sink.url + "/gone", sink.url + "/there"))
        with Fleet(config) as fleet:
            client.rpush(KEY, job("c1"))
            until(lambda: fleet.queue().get("dead") == 1, within=30)
            log = fleet.log()
        assert len(sink.to("/gone")) == 3, "a few quick tries: deploys make short 404s"
        assert len(sink.to("/there")) == 1
        assert "endpoint answered 404 (3 attempts)" in log
        assert "app-secret" not in log


def test_410_is_dead_lettered_at_once_and_a_redirect_names_where(
    server: RedisServer, client: redis.Redis
) -> None:
    moved = Rule(status=301, headers=(("Location", "https://elsewhere.example/hook"),))
    rules = Rules(by_path={"/gone": Rule(status=410), "/moved": moved})
    with Sink(SECRETS, rules) as sink:
        config = redis_config(server.url, app(1, sink.url + "/gone"), app(2, sink.url + "/moved"))
        sink.add_secret("key-2", "secret-2")
        with Fleet(config) as fleet:
            client.rpush(KEY, job("c1"), job("c2", app=2))
            until(lambda: fleet.queue().get("dead") == 2, within=30)
            log = fleet.log()
        assert len(sink.to("/gone")) == 1
        assert len(sink.to("/moved")) == 3
        assert "410 Gone" in log
        assert "https://elsewhere.example/hook" in log


def test_order_of_one_endpoint_is_the_queue_s(server: RedisServer, client: redis.Redis) -> None:
    with Sink(SECRETS) as sink:
        config = redis_config(server.url, app(1, sink.url + "/one"), endpoint_in_flight=1)
        client.rpush(KEY, *[job(f"c{n}") for n in range(200)])
        with Fleet(config, workers=1):
            until(lambda: sink.count == 200, within=20)
        order = [events(r)[0]["channel"] for r in sink.received]
        assert order == [f"c{n}" for n in range(200)]


def test_redis_away_for_ten_seconds_costs_nothing() -> None:
    """No worker dies, everything resumes, nothing is lost."""
    with (
        RedisServer("--appendonly", "yes", "--appendfsync", "always") as server,
        redis.Redis.from_url(server.url) as client,
        Sink(SECRETS) as sink,
        Fleet(redis_config(server.url, app(1, sink.url))) as fleet,
    ):
        before = fleet.worker_pids()
        wanted = {f"{batch}{n}" for batch in "ab" for n in range(500)}
        client.rpush(KEY, *[job(f"a{n}") for n in range(500)])
        until(lambda: sink.count >= 100, within=20)
        server.kill()
        until(lambda: fleet.status()["state"] == "DEGRADED", within=5)
        time.sleep(OUTAGE_SECONDS)
        assert fleet.worker_pids() == before
        server.restart()
        until(lambda: fleet.status()["state"] == "RUNNING", within=10, explain=fleet.log)
        client.rpush(KEY, *[job(f"b{n}") for n in range(500)])
        until(lambda: sink.channels() == wanted, within=20, explain=fleet.log)
        assert fleet.worker_pids() == before
        document = fleet.status()
        assert all(w["restarts"] == 0 for w in document["workers"]), json.dumps(document)
        down = [line for line in fleet.log().splitlines() if '"backend-down"' in line]
        assert len(down) == len(before) + 1, "each process says it once"


def empty_queue(shape: dict[str, object]) -> dict[str, object]:
    """The same queue with nothing in it."""
    return shape | {"ready": 0, "leased": 0, "delayed": 0, "dead": 0}
