"""Every job that a real Sockudo 5.0.1 wrote arrives as its own worker sent it, byte for byte.

One fleet drains the recordings of stock servers one after the other, and what then stands in Redis
is what the server's worker left. The keys are as recorded but for the app's id: each recording has
an app of its own. Recordings of other settings have a fleet of their own, their keys untouched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from support import fixtures
from support.fleet import Fleet
from support.redis_server import RedisServer
from support.replay import Sent, at_port, comparable_request, look, put, renamed, take_out
from support.sink import Sink
from support.until import until
from support.v2_queue import timeless

from sockq.drivers.sockudo_v2_keys import base_key
from sockq.supervisor.receiver_rules import Rule, Rules

RECORDED_PORT = "18391"
#: Recordings of behaviour, not of one queue.
NOT_SCENARIOS = {"behaviours", "sqs", "redis-cluster"}
#: The server refused what would have become a job, or to start at all.
NO_JOBS = {"client_event-lone_surrogate", "prefix-hash-tag"}
#: Sockudo followed these redirects, or gave up where sockq tries again (the recordings' README).
OTHER_COUNTS = {
    "redirect-301", "redirect-302", "redirect-303", "redirect-307", "redirect-308",
    "status-404", "status-500-then-200", "drop-then-200",
}  # fmt: skip
#: The recorded custom headers forge the server's own; sockq's cannot (the recordings' README).
FORGED = {"headers"}
STOCK = "sockudo_queue:"

SCENARIOS = {
    path.stem: content
    for path in fixtures.sockudo("5.0.1")
    if path.stem not in NOT_SCENARIOS | NO_JOBS
    for content in [fixtures.load(path)]
}
#: These share a fleet.
TOGETHER = [
    name
    for name, content in SCENARIOS.items()
    if content["prefix"] == STOCK and not content.get("reliability")
]
ALONE = [name for name in SCENARIOS if name not in TOGETHER]


@dataclass
class House:
    """Everything that runs."""

    server: RedisServer
    sinks: dict[str, Sink]
    fleet: Fleet

    def keys(self) -> dict[str, Any]:
        return look(self.server, f"{base(STOCK)}:")


def base(prefix: str) -> str:
    return base_key(prefix, "webhooks")


def own(name: str, recorded: Any) -> Any:
    """Keys for the recording's own app."""
    return renamed(recorded, '"app_id":"app-id"', f'"app_id":"{name}"')


def rules_of(content: dict[str, Any]) -> Rules:
    """What the recorded receiver answered; a dropped request is a 500 here."""
    return Rules(
        by_path={
            path: Rule(
                sequence=tuple(answer.get("status", 500) for answer in answers),
                headers=tuple(answers[-1].get("headers", {}).items()),
            )
            for path, answers in content["receiver_rules"].items()
        }
    )


def configuration(
    content: dict[str, Any], server: RedisServer, apps: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "queue": {
            "driver": "redis",
            "redis": {"url_override": server.url, "prefix": content["prefix"]},
            "reliability": content.get("reliability") or {},
        },
        "app_manager": {"array": {"apps": apps}},
    }


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer())
        sinks = {
            name: stack.enter_context(Sink({}, rules_of(SCENARIOS[name]), fresh_only=False))
            for name in TOGETHER
        }
        apps = [
            at_port(app, RECORDED_PORT, sinks[name].port) | {"id": name}
            for name in TOGETHER
            for app in SCENARIOS[name]["apps"]
        ]
        config = configuration(SCENARIOS[TOGETHER[0]], server, apps)
        yield House(server, sinks, stack.enter_context(Fleet(config, workers=1)))


def held(server: RedisServer, prefix: str) -> int:
    """How many keys of jobs that wait or are leased there are, all looked at in one moment."""
    names = ("wait", "inline-wait", "active", "delayed")
    return int(server.cli("EXISTS", *(f"{base(prefix)}:{name}" for name in names)))


def shown(requests: Any) -> list[Any]:
    return sorted(comparable_request(one, accept="*/*") for one in requests)


def expected(name: str) -> list[Any]:
    return shown(fixtures.requests_of(SCENARIOS[name]))


def left(keys: dict[str, Any], prefix: str) -> dict[str, Any]:
    """What is comparable of the keys: no times, and no hints, which a waiting worker takes."""
    found = timeless(keys, base(prefix))
    found.pop("notify", None)
    return found


@pytest.mark.parametrize("name", [name for name in TOGETHER if name not in OTHER_COUNTS | FORGED])
def test_recorded_jobs_arrive_as_recorded_and_leave_what_the_server_leaves(
    name: str, house: House
) -> None:
    content = SCENARIOS[name]
    take_out(house.server, f"{base(STOCK)}:")
    put(house.server, own(name, content["redis_after_enqueue"]))
    until(lambda: not held(house.server, STOCK), within=10, explain=house.fleet.log)
    assert shown(house.sinks[name].received) == expected(name)
    after = own(name, content["redis_after_worker"])
    assert left(take_out(house.server, f"{base(STOCK)}:"), STOCK) == left(after, STOCK)


def test_where_sockq_is_right_the_requests_are_the_same_and_their_number_is_not(
    house: House,
) -> None:
    """All at once, for they wait for their next attempts."""
    take_out(house.server, f"{base(STOCK)}:")
    for name in sorted(OTHER_COUNTS):
        put(house.server, own(name, SCENARIOS[name]["redis_after_enqueue"]))
    until(lambda: not held(house.server, STOCK), within=50, explain=house.fleet.log)
    for name in sorted(OTHER_COUNTS):
        first = expected(name)[0] if "redirect" not in name else original(name)
        assert set(map(str, shown(house.sinks[name].received))) == {str(first)}, name
    dead = house.keys()[f"{base(STOCK)}:dlq"]["value"]
    refused = [name for name in OTHER_COUNTS if name.startswith("redirect")] + ["status-404"]
    assert len(dead) == len(refused)
    take_out(house.server, f"{base(STOCK)}:")


def original(name: str) -> Any:
    """The request to the app's own URL."""
    (one,) = [r for r in fixtures.requests_of(SCENARIOS[name]) if r.target == "/from"]
    return comparable_request(one, accept="*/*")


def test_custom_headers_forge_nothing(house: House) -> None:
    take_out(house.server, f"{base(STOCK)}:")
    put(house.server, own("headers", SCENARIOS["headers"]["redis_after_enqueue"]))
    until(lambda: house.sinks["headers"].count and not held(house.server, STOCK), within=10)
    (seen,) = house.sinks["headers"].received
    (recorded,) = fixtures.requests_of(SCENARIOS["headers"])
    names = Counter(name.lower() for name, _ in seen.headers)
    assert set(names.values()) == {1}
    assert seen.body == recorded.body
    ours, theirs = dict(lower(seen)), [*lower(recorded)]
    for name, value in ours.items():
        if name in {"x-pusher-key", "x-pusher-signature", "x-custom"}:
            assert (name, value) in theirs
    take_out(house.server, f"{base(STOCK)}:")


def lower(sent: Sent) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in sent.headers]


def test_recordings_of_other_settings_arrive_and_leave_what_the_server_leaves() -> None:
    """Packed frames, nothing kept, another prefix: a server and a fleet for each, all at once."""
    with ThreadPoolExecutor() as pool:
        for name, requests, keys in pool.map(alone, ALONE):
            content = SCENARIOS[name]
            assert requests == expected(name), name
            recorded = left(content["redis_after_worker"], content["prefix"])
            assert left(keys, content["prefix"]) == recorded, name


def alone(name: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Drain one recording; the requests, and the keys that are left."""
    content = SCENARIOS[name]
    start = f"{base(content['prefix'])}:"
    with RedisServer() as server, Sink({}, rules_of(content), fresh_only=False) as sink:
        apps = [at_port(app, RECORDED_PORT, sink.port) for app in content["apps"]]
        put(server, content["redis_after_enqueue"])
        with Fleet(configuration(content, server, apps), workers=1) as fleet:
            until(lambda: not held(server, content["prefix"]), 15, fleet.log)
        return name, shown(sink.received), look(server, start)


def test_the_recordings_are_there() -> None:
    assert len(TOGETHER) == 36
    assert sorted(ALONE) == ["framed-100", "no-retention", "prefix-no-colon"]
