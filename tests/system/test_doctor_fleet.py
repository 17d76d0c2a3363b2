"""``sockq doctor`` beside a fleet that runs: it names what redirects, and sends nothing."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules


def doctor(fleet: Fleet) -> list[dict[str, Any]]:
    """What it says of endpoints."""
    command = fleet.command("doctor", "--config", str(fleet.config_path), "--json")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert "app-secret" not in done.stdout + done.stderr
    return [one for one in json.loads(done.stdout)["findings"] if one["about"] == "endpoint"]


def asked(fleet: Fleet) -> set[str]:
    """Labels of the endpoints that the board shows an answer of."""
    return {one["label"] for one in fleet.status()["endpoints"] if one["attempts"]}


def test_an_endpoint_that_redirects_is_named(server: RedisServer, client: redis.Redis) -> None:
    location = (("Location", "https://elsewhere.example/hook"),)
    rules = Rules(by_path={"/moved": Rule(status=301, headers=location)})
    with Sink({"app-key": "app-secret"}, rules) as sink:
        moved, steady = sink.url + "/moved", sink.url + "/steady"
        config = redis_config(server.url, app(1, moved, steady))
        with Fleet(config) as fleet:
            client.rpush(KEY, job("c1"))
            until(lambda: asked(fleet) == {moved, steady}, within=10, explain=fleet.log)
            (bad, *rest) = doctor(fleet)
            assert bad["level"] == "warning"
            assert bad["what"].startswith(f"{moved} answered ")
            assert bad["what"].endswith(" with a redirect; the last failure: status 301")
            assert "end as dead letters" in bad["means"]
            assert f"the url of the webhook {moved} in the record of app app-id" in bad["change"]
            assert [one["level"] for one in rest] == ["ok", "ok"], "the other one is well"
            assert len(sink.to("/steady")) == 1, "it sends nothing"

            fleet.config_path.write_text(json.dumps(redis_config(server.url, app(1, steady))))
            assert all(one["level"] == "ok" for one in doctor(fleet)), "the url is corrected"
            fleet.config_path.write_text(json.dumps(config))
        (reached,) = doctor(fleet)
        assert "can be reached" in reached["what"], "nothing runs: nothing more is known"
