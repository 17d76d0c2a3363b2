"""soketi's app records: spellings, filters, headers, and finding the app by its key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sockq.workers.app_directory import FileApps
from sockq.workers.apps import App, Webhook, WebhookDefaults
from sockq.workers.soketi_shapes import read_soketi_app

HOOK: dict[str, Any] = {"url": "http://h/in", "event_types": ["client_event"]}
APP: dict[str, Any] = {"id": "one", "key": "k", "secret": "hush-hush", "webhooks": [HOOK]}


def read(**fields: Any) -> App:
    app, faults, _ = read_soketi_app(APP | fields, WebhookDefaults(), "app")
    assert app is not None, faults
    return app


def hook(**fields: Any) -> Webhook:
    (found,) = read(webhooks=[HOOK | fields]).webhooks
    return found


def head(**headers: Any) -> list[bytes]:
    endpoint = hook(headers=headers).endpoint
    assert endpoint is not None
    return endpoint.static_head.split(b"\r\n")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("one", "k", "hush-hush")),
        ({"AppId": "two", "AppKey": "", "AppSecret": None}, ("two", "k", "hush-hush")),
        ({"id": 7}, ("7", "k", "hush-hush")),
        ({"id": None, "key": None, "secret": ""}, ("app-id", "app-key", "app-secret")),
    ],
)
def test_the_spellings_of_an_app(fields: dict[str, Any], expected: tuple[str, str, str]) -> None:
    app = read(**fields)
    assert (app.id, app.key, app.secret) == expected


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"webhooks": json.dumps([HOOK, HOOK])}, 2),
        ({"Webhooks": [HOOK, HOOK, HOOK]}, 3),
        ({"webhooks": None}, 0),
        ({"webhooks": {"0": HOOK}}, 0),
        ({"enabled": False}, 1),
    ],
)
def test_the_webhooks_of_an_app(fields: dict[str, Any], count: int) -> None:
    app = read(**fields)
    assert len(app.webhooks) == count
    assert len({webhook.target_id for webhook in app.webhooks}) == count


@pytest.mark.parametrize(
    ("limits", "wanted", "unwanted"),
    [
        ({"channel_name_starts_with": "a-"}, ["a-", "a-b"], ["b", "xa-"]),
        ({"channel_name_ends_with": "-z"}, ["-z", "a-z"], ["a-zz"]),
        (
            {"channel_name_starts_with": "a-", "channel_name_ends_with": "-z"},
            ["a-b-z"],
            ["a-b", "b-z"],
        ),
        ({"channel_name_starts_with": "", "channel_name_ends_with": None}, ["", "x"], []),
    ],
)
def test_the_filter(limits: dict[str, Any], wanted: list[str], unwanted: list[str]) -> None:
    channels = hook(filter=limits).filter
    assert channels is not None
    assert [name for name in wanted if not channels.matches(name)] == []
    assert [name for name in unwanted if channels.matches(name)] == []


def test_headers_as_javascript_writes_them() -> None:
    lines = head(**{"X-Num": 5, "X-Bool": True, "X-Float": 1.5, "X-Latin": "caf\u00e9"})
    for line in (b"X-Num: 5", b"X-Bool: true", b"X-Float: 1.5", b"X-Latin: caf\xe9"):
        assert line in lines
    assert b"Accept: application/json" in lines
    assert b"Content-Type: application/json" in lines


def test_a_webhook_may_name_the_type_of_its_body_and_what_it_accepts() -> None:
    lines = head(**{"content-type": "application/vnd.x+json", "ACCEPT": "text/plain"})
    assert [line for line in lines if line.lower().startswith(b"content-type")] == [
        b"content-type: application/vnd.x+json"
    ]
    assert [line for line in lines if line.lower().startswith(b"accept")] == [b"ACCEPT: text/plain"]


@pytest.mark.parametrize("name", ["host", "Content-Length", "X-Pusher-Key", "transfer-encoding"])
def test_what_frames_or_proves_a_request_is_not_taken(name: str) -> None:
    app, _, warnings = read_soketi_app(
        APP | {"webhooks": [HOOK | {"headers": {name: "evil"}}]}, WebhookDefaults(), "app"
    )
    assert app is not None
    assert len(warnings) == 1
    endpoint = app.webhooks[0].endpoint
    assert endpoint is not None
    assert b"evil" not in endpoint.static_head


@pytest.mark.parametrize("value", ["\u0101", "a\r\nb", "\x00"])
def test_what_no_header_can_hold_is_a_fault(value: str) -> None:
    entry = HOOK | {"headers": {"X-A": value}}
    app, faults, _ = read_soketi_app(APP | {"webhooks": [entry]}, WebhookDefaults(), "app")
    assert app is None
    assert "outside Latin-1" in faults[0]


@pytest.mark.parametrize(
    "webhook", [{"url": "http://h"}, {"url": "no", "event_types": []}, 1, {"event_types": 5}]
)
def test_what_would_crash_soketi_is_a_fault(webhook: Any) -> None:
    app, faults, _ = read_soketi_app(APP | {"webhooks": [webhook]}, WebhookDefaults(), "app")
    assert app is None
    assert faults
    assert "hush" not in "".join(faults)


async def test_apps_of_one_id_are_told_apart_by_their_keys() -> None:
    first, second = App("app-id", "k1", "s1"), App("app-id", "k2", "s2")
    apps = FileApps([first, second], by_key=True)
    assert apps.peek("app-id", "k1") is first
    assert await apps.find("other", "k2") is second
    assert apps.peek("app-id", "k3") is None
    assert FileApps([first]).peek("app-id", "whatever") is first
