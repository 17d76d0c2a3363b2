"""What real servers enqueued and then sent: parsed, planned and signed here, byte for byte."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pusher import Pusher
from support import fixtures

from sockq.workers.app_shapes import read_app
from sockq.workers.apps import App, WebhookDefaults
from sockq.workers.dialect import parse
from sockq.workers.plan import plan
from sockq.workers.signing import signer_for, verify
from sockq.workers.webhook_job import WebhookJob

FILES = fixtures.sockudo("4.7.0")
SCENARIOS = [path for path in FILES if "redis_after_enqueue" in fixtures.load(path)]
OTHERS = [path for path in FILES if path not in SCENARIOS]

#: Path, body, key and signature of a request: what a receiver judges by.
Sent = tuple[str, bytes, str, str]

pytestmark = pytest.mark.skipif(
    not FILES, reason="the recordings do not stand beside this checkout"
)


def name_of(path: Path) -> str:
    return path.stem


def app_of(raw: dict[str, Any]) -> App:
    app, faults, _ = read_app(raw, WebhookDefaults(), "app")
    assert app is not None, faults
    return app


def planned(jobs: list[bytes], apps: dict[str, App]) -> Counter[Sent]:
    """Every request that these jobs call for."""
    sent: Counter[Sent] = Counter()
    for payload in jobs:
        job = parse(payload, "sockudo")
        assert isinstance(job, WebhookJob), job
        assert repr(parse(payload, "auto")) == repr(job)
        assert job.app_secret is not None
        for one in plan(job, apps[job.app_id], None):
            assert one.webhook.endpoint is not None
            signature = signer_for(job.app_secret).sign(one.body).decode()
            sent[one.webhook.endpoint.target, one.body, job.app_key, signature] += 1
    return sent


def recorded(content: dict[str, Any]) -> Counter[Sent]:
    return Counter(
        (one.target, one.body, one.header("x-pusher-key"), one.header("x-pusher-signature"))
        for one in fixtures.requests_of(content)
    )


def first_tries(content: dict[str, Any], found: Counter[Sent]) -> Counter[Sent]:
    """The recording less what Sockudo sent because of an answer: retries and followed redirects."""
    scenario = content["scenario"]
    if scenario in {"status-500-then-200", "drop-then-200"}:
        (only,) = found  # the same request, byte for byte, each time
        assert found[only] == {"status-500-then-200": 3, "drop-then-200": 2}[scenario]
        return Counter([only])
    if scenario.startswith("redirect-"):
        first = Counter({one: count for one, count in found.items() if one[0] == "/from"})
        ((to, body, _, _),) = found - first
        assert to == "/to"
        assert (body == b"") is (scenario in {"redirect-301", "redirect-302", "redirect-303"})
        return first
    return found


def test_all_recordings_are_there() -> None:
    assert len(SCENARIOS) == 39
    assert {name_of(path) for path in OTHERS} == {"behaviours", "redis-cluster", "sqs"}


@pytest.mark.parametrize("path", SCENARIOS, ids=name_of)
def test_the_same_requests_as_the_servers_own_workers(path: Path) -> None:
    content = fixtures.load(path)
    jobs = fixtures.jobs_of(content)
    expected = first_tries(content, recorded(content))
    apps = {raw["id"]: app_of(raw) for raw in content["apps"]}
    assert planned(jobs, apps) == expected
    if name_of(path) != "client_event-lone_surrogate":  # refused by the server: no job
        assert jobs
        assert sum(expected.values()) > 0


def test_messages_of_sqs() -> None:
    content = fixtures.load(next(path for path in OTHERS if name_of(path) == "sqs"))
    everything = sorted({"channel_occupied", "subscription_count", "client_event"})
    hook = {"url": "http://127.0.0.1:18391/hook", "event_types": everything}
    app = app_of({"id": "app-id", "key": "app-key", "secret": "app-secret", "webhooks": [hook]})
    for kind in ("standard", "fifo"):
        jobs = [message["Body"].encode() for message in content[kind]["messages"]]
        assert jobs
        assert planned(jobs, {"app-id": app}) == recorded(content[kind])


def test_jobs_of_a_cluster() -> None:
    content = fixtures.load(next(path for path in OTHERS if name_of(path) == "redis-cluster"))
    jobs = [
        text.encode()
        for node in content["after_enqueue"].values()
        for key in node.values()
        for text in key["value"]
    ]
    hook = {"url": "http://127.0.0.1:18391/hook", "event_types": ["channel_occupied"]}
    app = app_of({"id": "app-id", "key": "app-key", "secret": "app-secret", "webhooks": [hook]})
    (one,) = planned(jobs, {"app-id": app})
    assert one[1] == json.dumps(json.loads(jobs[0])["payload"], separators=(",", ":")).encode()
    for _, body, _, signature in recorded(content):
        assert verify("app-secret", body, signature)


def test_custom_headers_cannot_forge_what_the_recording_shows_forged() -> None:
    content = fixtures.load(next(path for path in SCENARIOS if name_of(path) == "headers"))
    (request,) = fixtures.requests_of(content)
    twice = Counter(name for name, _ in request.headers)
    assert twice["x-pusher-key"] == twice["content-type"] == 2
    (raw,) = content["apps"]
    app, faults, warnings = read_app(raw, WebhookDefaults(), "app")
    assert (len(faults), len(warnings)) == (0, 2)
    assert app is not None
    assert app.webhooks[0].endpoint is not None
    head = app.webhooks[0].endpoint.static_head
    assert b"forged" not in head
    assert b"text/plain" not in head
    assert b"X-Custom: v 1\r\n" in head
    assert b"User-Agent: mine\r\n" in head


@pytest.mark.parametrize("path", SCENARIOS, ids=name_of)
def test_the_official_library_accepts_what_is_sent(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = fixtures.load(path)
    apps = {raw["id"]: app_of(raw) for raw in content["apps"]}
    receiver = Pusher(app_id="1", key="app-key", secret="app-secret")
    for _, body, key, signature in planned(fixtures.jobs_of(content), apps):
        made_at = json.loads(body)["time_ms"] / 1000
        monkeypatch.setattr("time.time", lambda at=made_at: at)
        text = body.decode()
        assert receiver.validate_webhook(key, signature, text) == json.loads(body)
        at = len(text) // 2
        flipped = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        assert receiver.validate_webhook(key, signature, flipped) is None
        assert receiver.validate_webhook("other-key", signature, text) is None


@pytest.mark.parametrize("secret", ["", "žluť 😀", "k" * 200])
def test_the_official_library_accepts_other_secrets(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = '{"time_ms":1700000000000,"events":[{"name":"a","data":"\\ud83d\\ude00 😀 \u2028"}]}'
    receiver = Pusher(app_id="1", key="k", secret=secret)
    monkeypatch.setattr("time.time", lambda: 1_700_000_000)
    signature = signer_for(secret).sign(body.encode()).decode()
    assert receiver.validate_webhook("k", signature, body) == json.loads(body)
    assert receiver.validate_webhook("k", signature.upper(), body) is None


def soketi_jobs(content: dict[str, Any]) -> list[bytes]:
    return [
        key["value"]["data"].encode()
        for key in content["redis_after_enqueue"].values()
        if key["type"] == "hash" and "data" in key["value"]
    ]


SOKETI = [path for path in fixtures.soketi() if '"redis_after_enqueue"' in path.read_text("utf-8")]


@pytest.mark.parametrize("path", SOKETI, ids=name_of)
def test_soketi_jobs_and_the_bodies_it_made_of_them(path: Path) -> None:
    content = fixtures.load(path)
    secret = content["app"]["secret"]
    wholes = set()
    for payload in soketi_jobs(content):
        job = parse(payload, "soketi")
        assert isinstance(job, WebhookJob), job
        assert repr(parse(payload, "auto")) == repr(job)
        assert job.whole is not None
        assert job.proof is not None
        assert verify(secret, job.whole, job.proof)
        assert not verify(secret, job.whole.replace(b"1", b"2", 1), job.proof)
        wholes.add(job.whole)
    assert wholes
    bodies = {one.body for one in fixtures.requests_of(content) if one.method == "POST"}
    if not name_of(path).startswith("headers-override"):  # one of them cuts the body short
        assert bodies <= wholes


def test_soketi_recordings_are_there() -> None:
    assert len(SOKETI) > 25
