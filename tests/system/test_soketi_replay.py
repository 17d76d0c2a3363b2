"""Every job that a real soketi 1.6.1 wrote arrives as its own worker sent it, byte for byte.

A fleet for each recorded prefix drains the recordings of that prefix one after the other, and what
then stands in Redis is what soketi's worker left. The keys are as recorded but for the app's key:
each recording has an app of its own, all with the same id, so that the key alone finds it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from support import fixtures
from support.bullmq import comparable
from support.fixtures import Recorded
from support.fleet import Fleet
from support.plain_sink import PlainSink
from support.redis_server import RedisServer
from support.replay import (
    Recorder,
    arrived,
    at_port,
    comparable_request,
    look,
    put,
    renamed,
    take_out,
    until_arrived,
)
from support.sink import Sink
from support.until import until

from sockq.drivers.bullmq_format import QUEUES
from sockq.supervisor.receiver_rules import Rule, Rules

RECORDED_PORT = "18390"
SECRET = "app-secret"

SCENARIOS = {
    path.stem: fixtures.load(path)
    for path in fixtures.soketi()
    if '"redis_after_enqueue"' in path.read_text("utf-8")
}
PREFIXES = sorted({content["prefix_env"] or "" for content in SCENARIOS.values()})
#: soketi followed these, without a body or with its signature for another URL; sockq tries the
#: same URL again a little later, then gives up with the new URL as the reason.
REDIRECTS = [name for name in SCENARIOS if name.startswith("redirect-")]
#: Their bodies are said to be of other types, which our own receiver refuses.
OTHER_TYPES = ("headers-override-attempt", "headers-override-lowercase")
#: One fleet cannot answer one path in five ways.
REDIRECT_PATHS = {name: f"/{name}" for name in REDIRECTS}


@dataclass
class House:
    """Everything that runs."""

    server: RedisServer
    sink: Sink
    plain: PlainSink
    fleets: dict[str, Fleet]

    def sink_of(self, name: str) -> Recorder:
        return self.plain if name in OTHER_TYPES else self.sink

    def replay(self, name: str, recorded: dict[str, Any] | None = None) -> None:
        """Put a recording's keys where its fleet looks."""
        content = SCENARIOS[name]
        self.removed_keys(name)
        put(self.server, own(name, recorded or content["redis_after_enqueue"]))

    def fleet_of(self, name: str) -> Fleet:
        return self.fleets[SCENARIOS[name]["prefix_env"] or ""]

    def settled(self, name: str) -> bool:
        """Whether no job waits or is held, all queues looked at in one moment."""
        found = self.server.cli("KEYS", f"{key_start(name)}*").splitlines()
        return not any(key.endswith((":wait", ":active", ":delayed")) for key in found)

    def keys(self, name: str) -> dict[str, Any]:
        return look(self.server, key_start(name))

    def removed_keys(self, name: str) -> dict[str, Any]:
        return take_out(self.server, key_start(name))


def key_start(name: str) -> str:
    """What the recording's keys begin with; the empty prefix leaves a colon."""
    return (SCENARIOS[name]["prefix_env"] or "").removesuffix(":") + ":"


def own(name: str, recorded: Any) -> Any:
    """Keys or fields for the recording's own app."""
    return renamed(recorded, '"appKey":"app-key"', f'"appKey":"{name}"')


def own_app(name: str, port: int) -> dict[str, Any]:
    app = at_port(SCENARIOS[name]["app"], RECORDED_PORT, port)
    if name in REDIRECT_PATHS:
        app["webhooks"][0]["url"] = f"http://127.0.0.1:{port}{REDIRECT_PATHS[name]}"
    return app | {"key": name}


def configuration(prefix: str, server: RedisServer, sink: Sink, plain: PlainSink) -> dict[str, Any]:
    """A soketi file, in both spellings that it takes, as the server itself could have it."""
    apps = [
        own_app(name, (plain if name in OTHER_TYPES else sink).port)
        for name, content in SCENARIOS.items()
        if (content["prefix_env"] or "") == prefix
    ]
    return {
        "mode": "full",
        "queue.driver": "redis",
        "queue": {"redis": {"concurrency": 0}},
        "database": {"redis": {"keyPrefix": prefix}},
        "database.redis.port": server.port,
        "appManager.array.apps": apps,
    }


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    rules = {
        path: Rule(status=int(name[-3:]), headers=(("Location", "/landed"),))
        for name, path in REDIRECT_PATHS.items()
    }
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer())
        sink = stack.enter_context(Sink({}, Rules(by_path=rules), fresh_only=False))
        plain = stack.enter_context(PlainSink())
        fleets = {
            prefix: Fleet(configuration(prefix, server, sink, plain), workers=1)
            for prefix in PREFIXES
        }
        with ThreadPoolExecutor() as pool:
            for fleet in pool.map(Fleet.__enter__, fleets.values()):
                stack.push(fleet)
        yield House(server, sink, plain, fleets)


def signed(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def chosen(body: bytes, *places: int) -> bytes:
    """A body with some of its events."""
    payload = json.loads(body)
    payload["events"] = [payload["events"][place] for place in places]
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def changed(sent: Recorded, body: bytes, **headers: str) -> Recorded:
    """A recorded request as it should have been."""
    fixed = {"X-Pusher-Signature": signed(body)} | headers
    kept = [(n, v) for n, v in sent.headers if n.lower() not in {f.lower() for f in fixed}]
    return Recorded(sent.method, sent.target, [*kept, *fixed.items()], body)


def expected(name: str) -> list[Recorded]:
    """The recorded requests; where soketi is wrong, what is right."""
    sent = fixtures.requests_of(SCENARIOS[name])
    match name:
        case "batching-filter-drops-some":  # soketi sends all four, of which one passes the filter
            (one,) = sent
            return [changed(one, chosen(one.body, 3))]
        case "batching-mixed-events-one-job":  # and here whatever shares a job
            clients, members, everything = sent
            return [
                changed(clients, chosen(clients.body, 2)),
                changed(members, chosen(members.body, 1)),
                everything,
            ]
        case "headers-override-lowercase":  # soketi obeys a content-length of 3
            (one,) = sent
            return [changed(one, payload_of(name))]
        case "url-userinfo":  # soketi ends the password at its colon
            (one,) = sent
            return [changed(one, one.body, Authorization="Basic dXNAZXI6cDp3")]
        case "url-unescaped-unicode-dropped":  # soketi never calls such a URL
            body = payload_of(name)
            headers = {
                "Accept": "application/json",
                "Content-Type": "application/json",
                "X-Pusher-Key": "app-key",
                "X-Pusher-Signature": signed(body),
            }
            return [Recorded("POST", "/two?q=%C5%BE", [*headers.items()], body)]
        case _:
            return sent


def payload_of(name: str) -> bytes:
    """The signed text of the recording's only job, cut out by hand."""
    keys = SCENARIOS[name]["redis_after_enqueue"]
    (data,) = [e["value"]["data"] for e in keys.values() if "data" in e["value"]]
    start = data.index('"payload":') + len('"payload":')
    payload: str = data[start : data.index(',"originalPusherSignature"')]
    return payload.encode()


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in REDIRECTS])
def test_recorded_jobs_arrive_as_recorded_and_leave_what_soketi_leaves(
    name: str, house: House
) -> None:
    wanted = [comparable_request(one, x_pusher_key=name) for one in expected(name)]
    house.replay(name)
    until_arrived(house.sink_of(name), name, len(wanted), house.fleet_of(name).log)
    until(lambda: house.settled(name), explain=house.fleet_of(name).log)
    seen = [
        comparable_request(one, x_pusher_key=name) for one in arrived(house.sink_of(name), name)
    ]
    assert sorted(seen) == sorted(wanted)
    left, recorded = house.removed_keys(name), own(name, SCENARIOS[name]["redis_after_worker"])
    assert lasting(comparable(left)) == lasting(comparable(recorded))


@pytest.mark.parametrize("name", REDIRECTS)
def test_redirects_are_not_followed_and_tried_again(name: str, house: House) -> None:
    first = fixtures.requests_of(SCENARIOS[name])[0]
    house.replay(name)
    until_arrived(house.sink, name, 1, house.fleet_of(name).log)
    until(lambda: any(k.endswith(":delayed") for k in house.keys(name)))
    house.removed_keys(name)
    (seen,) = arrived(house.sink, name)
    assert (seen.method, seen.target, seen.body) == ("POST", REDIRECT_PATHS[name], first.body)
    assert dict(seen.headers)["X-Pusher-Signature"] == first.header("X-Pusher-Signature")


@pytest.mark.parametrize("place", ["payload", "signature"])
def test_a_flipped_byte_makes_a_dead_letter(place: str, house: House) -> None:
    name = "member_added"
    before = house.sink.count
    (old, new) = {
        "payload": ('"user_id":"', '"user_id":"!'),
        "signature": ('"originalPusherSignature":"', '"originalPusherSignature":"0'),
    }[place]
    keys = renamed(SCENARIOS[name]["redis_after_enqueue"], old, new)
    assert keys != SCENARIOS[name]["redis_after_enqueue"]
    house.replay(name, keys)
    until(lambda: house.settled(name), explain=house.fleet_of(name).log)
    left = house.removed_keys(name)
    failed = [entry["value"] for key, entry in left.items() if key.endswith(":failed")]
    assert [[job_id for job_id, _ in jobs] for jobs in failed] == [["1"]]
    (job,) = [e["value"] for e in left.values() if "failedReason" in e["value"]]
    assert job["failedReason"].startswith("tampered: ")
    assert house.sink.count == before


def lasting(dump: dict[str, Any]) -> dict[str, Any]:
    """Without what comes with time: gates of the check for stalled jobs, and the fleet's beats."""
    passing = (":stalled-check", "sockq:fleet", "sockq:fleet-times")
    return {key: value for key, value in dump.items() if not key.endswith(passing)}


def test_the_recordings_are_there() -> None:
    assert len(SCENARIOS) == 37
    assert PREFIXES == ["", "bull", "gold:", "{soketi}:"]
    assert {key.split(":")[1] for name in SCENARIOS for key in plain_keys(name)} == set(QUEUES)


def plain_keys(name: str) -> list[str]:
    """The jobs of a recording."""
    keys = SCENARIOS[name]["redis_after_enqueue"]
    return [key for key, entry in keys.items() if "data" in entry["value"]]
