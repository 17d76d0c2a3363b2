"""Every job that a real Sockudo 4.7.0 wrote arrives as its own worker sent it, byte for byte.

One fleet serves all recordings: each scenario's app gets an id of its own (``app_id`` is no part
of what is sent) and a receiver of its own in place of the recorded port.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
import redis
from support import fixtures
from support.fleet import Fleet
from support.jobs import KEY
from support.redis_server import RedisServer
from support.sink import Sink, header
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

RECORDED_PORT = "18391"
#: Recordings of behaviour, not of one queue; the tests of this folder show ours.
NOT_SCENARIOS = {"behaviours", "sqs", "redis-cluster"}
#: Sockudo followed these redirects, or gave up where sockq tries again: the bodies are the same,
#: how often they were sent is not (the recordings' README says where ours is right).
COUNTS_DIFFER = {
    "redirect-301", "redirect-302", "redirect-303", "redirect-307", "redirect-308",
    "status-404", "status-500-then-200", "drop-then-200",
}  # fmt: skip

Sent = tuple[str, str, str, bytes]


def scenarios() -> dict[str, dict[str, Any]]:
    """The recordings by name."""
    loaded = {path.stem: fixtures.load(path) for path in fixtures.sockudo("4.7.0")}
    return {name: content for name, content in loaded.items() if name not in NOT_SCENARIOS}


SCENARIOS = scenarios()


class Replay(NamedTuple):
    """What arrived, by scenario, and what the fleet said."""

    arrived: dict[str, list[Sent]]
    told: str


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    """After one fleet drained every recording."""
    with ExitStack() as stack:
        server = RedisServer()
        stack.callback(server.stop)
        client = stack.enter_context(redis.Redis.from_url(server.url))
        sinks: dict[str, Sink] = {}
        apps: list[dict[str, Any]] = []
        for name, content in SCENARIOS.items():
            rules = Rules(by_path=rules_of(content))
            sinks[name] = stack.enter_context(Sink({}, rules, fresh_only=False))
            apps += [moved(app, name, sinks[name].port) for app in content["apps"]]
            for job in fixtures.jobs_of(content):
                client.rpush(KEY, job.replace(b'"app_id":"', b'"app_id":"%b:' % name.encode(), 1))
        config = {
            "queue": {"driver": "redis", "redis": {"url_override": server.url}},
            "app_manager": {"array": {"apps": apps}},
        }
        fleet = stack.enter_context(Fleet(config, workers=2))

        def finished() -> bool:
            queue = fleet.queue()  # None: not counted yet
            return (queue["ready"], queue["leased"], queue["delayed"]) == (0, 0, 0)

        until(finished, within=50, explain=fleet.log)
        arrived = {name: [sent(r) for r in sink.received] for name, sink in sinks.items()}
        yield Replay(arrived, f"{fleet.queue()}\n{fleet.log()}")


def rules_of(content: dict[str, Any]) -> dict[str, Rule]:
    """Our receiver's rules for what the recorded one answered; a dropped request is a 500 here."""
    return {
        path: Rule(
            sequence=tuple(answer.get("status", 500) for answer in answers),
            headers=tuple(answers[-1].get("headers", {}).items()),
        )
        for path, answers in content["receiver_rules"].items()
    }


def moved(app: dict[str, Any], name: str, port: int) -> dict[str, Any]:
    """The recorded app under an id of its own, posting to our receiver."""
    text = json.dumps(app).replace(RECORDED_PORT, str(port))
    copy: dict[str, Any] = json.loads(text)
    copy["id"] = f"{name}:{app['id']}"
    return copy


def at_home(app: dict[str, Any], port: int) -> dict[str, Any]:
    """The recorded app under its own id, posting to our receiver."""
    return moved(app, "", port) | {"id": app["id"]}


def sent(received: Any) -> Sent:
    return (
        received.target,
        header(received, "X-Pusher-Key"),
        header(received, "X-Pusher-Signature"),
        received.body,
    )


def expected(content: dict[str, Any]) -> list[Sent]:
    """What Sockudo's worker POSTed (a redirect turned into a GET carries nothing)."""
    return [
        (r.target, r.header("X-Pusher-Key"), r.header("X-Pusher-Signature"), r.body)
        for r in fixtures.requests_of(content)
        if r.method == "POST"
    ]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_recorded_jobs_arrive_as_recorded(name: str, replay: Replay) -> None:
    ours, theirs = Counter(replay.arrived[name]), Counter(expected(SCENARIOS[name]))
    if name in COUNTS_DIFFER:
        followed = {s for s in theirs if s[0] not in targets(SCENARIOS[name])}
        assert set(ours) == set(theirs) - followed, replay.told
    else:
        assert ours == theirs, replay.told


def targets(content: dict[str, Any]) -> set[str]:
    """Paths that the apps' webhooks name."""
    urls = [w["url"] for a in content["apps"] for w in webhooks(a)]
    return {"/" + url.split("/", 3)[3] if url.count("/") > 2 else "/" for url in urls}


def webhooks(app: dict[str, Any]) -> list[dict[str, Any]]:
    found = app.get("policy", app).get("webhooks") or []
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("name", ["prefix-hash-tag", "prefix-no-colon", "channel_occupied"])
def test_the_queue_is_found_under_the_recorded_prefix(
    name: str, server: RedisServer, client: redis.Redis
) -> None:
    """The recorded keys as they are, and the server's own prefix setting."""
    content = SCENARIOS[name]
    with Sink({}, fresh_only=False) as sink:
        for key, recorded in content["redis_after_enqueue"].items():
            client.rpush(key, *recorded["value"])
        config = {
            "queue": {
                "driver": "redis",
                "redis": {"url_override": server.url, "prefix": content["prefix"]},
            },
            "app_manager": {"array": {"apps": [at_home(a, sink.port) for a in content["apps"]]}},
        }
        with Fleet(config, workers=1) as fleet:
            until(lambda: sink.count >= len(expected(content)), within=10, explain=fleet.log)
        assert Counter(sent(r) for r in sink.received) == Counter(expected(content))
