from __future__ import annotations

from typing import Any

import pytest

from sockq.workers.app_shapes import read_app
from sockq.workers.apps import App, FunctionTarget, RetrySettings, WebhookDefaults

HOOK: dict[str, Any] = {"url": "http://127.0.0.1/h", "event_types": ["a"]}
IDS = {"id": "i", "key": "k", "secret": "TOPSECRET"}


def record(*hooks: object, **more: object) -> dict[str, object]:
    return {**IDS, "policy": {"webhooks": list(hooks)}, **more}


def read(raw: dict[str, object], defaults: WebhookDefaults | None = None) -> tuple[App, list[str]]:
    app, faults, warnings = read_app(raw, defaults or WebhookDefaults(), "apps[0]")
    assert app is not None
    assert faults == []
    return app, warnings


def faults_of(raw: dict[str, object]) -> list[str]:
    app, faults, _ = read_app(raw, WebhookDefaults(), "apps[0]")
    assert app is None
    return faults


def test_policy_and_flat_shapes() -> None:
    flat: dict[str, object] = {**IDS, "webhooks": [HOOK]}
    for raw in (record(HOOK), flat, {**flat, "policy": None}):
        app, warnings = read(raw)
        assert warnings == []
        assert (app.id, app.key, app.secret) == ("i", "k", "TOPSECRET")
        (webhook,) = app.webhooks
        assert webhook.endpoint is not None
        assert webhook.endpoint.target == "/h"
        assert webhook.event_types == {"a"}
        assert webhook.timeout_seconds == 10.0
        assert webhook.retry is None
        assert webhook.filter is None
        assert webhook.lane == "i http://127.0.0.1/h"
        assert "TOPSECRET" not in repr(app)


@pytest.mark.parametrize(
    "raw",
    [IDS, {**IDS, "policy": {}}, {**IDS, "policy": {"webhooks": None}}, {**IDS, "webhooks": None}],
)
def test_an_app_without_webhooks(raw: dict[str, object]) -> None:
    app, warnings = read(raw)
    assert app.webhooks == ()
    assert warnings == []


def test_flat_webhooks_beside_a_policy_are_lost_with_a_warning() -> None:
    app, warnings = read(record(HOOK, webhooks=[{"url": 1}, 2]))
    assert len(app.webhooks) == 1
    assert warnings == [
        "apps[0]: webhooks beside policy are ignored; move them into policy.webhooks"
    ]


def test_everything_a_webhook_can_say() -> None:
    app, warnings = read(
        record(
            {
                "url": "https://user:pw@example.com/h",
                "event_types": ["a", "b", "a"],
                "filter": {
                    "channel_prefix": "p",
                    "channel_suffix": "s",
                    "channel_pattern": "x",
                    "channel_namespace": "n",
                    "channel_namespaces": ["n", "m"],
                },
                "headers": {"X-A": "1", "Authorization": "Bearer t"},
                "retry": {"max_attempts": 3, "initial_backoff_ms": 5},
                "request_timeout_ms": 2500,
                "description": "unknown fields are ignored",
            }
        ),
        WebhookDefaults(RetrySettings(max_backoff_ms=7), 4000),
    )
    assert warnings == []
    (webhook,) = app.webhooks
    assert webhook.event_types == {"a", "b"}
    assert webhook.retry == RetrySettings(max_attempts=3, initial_backoff_ms=5, max_backoff_ms=7)
    assert webhook.timeout_seconds == 2.5
    assert webhook.filter is not None
    assert webhook.filter.matches("private-n:xs")
    assert not webhook.filter.matches("n:pxs")
    assert webhook.filter.namespaces == frozenset({"n", "m"})
    assert webhook.endpoint is not None
    assert b"X-A: 1\r\n" in webhook.endpoint.static_head
    assert "pw" not in repr(app)
    assert "pw" not in webhook.lane


def test_defaults() -> None:
    retry = RetrySettings(max_attempts=2)
    app, _ = read(record(HOOK), WebhookDefaults(retry, 4000))
    assert app.webhooks[0].retry is retry
    assert app.webhooks[0].timeout_seconds == 4.0
    app, _ = read(record({**HOOK, "request_timeout_ms": 0, "retry": {"enabled": False}}))
    assert app.webhooks[0].retry == RetrySettings(enabled=False)
    assert app.webhooks[0].timeout_seconds == 0.001


def test_target_ids_are_stable_and_distinct() -> None:
    hooks = [
        HOOK,
        HOOK,
        {**HOOK, "event_types": ["b"]},
        {**HOOK, "filter": {"channel_prefix": "x"}},
        {**HOOK, "filter": {"channel_suffix": "x"}},
        {**HOOK, "url": "http://127.0.0.1/other"},
        {"lambda_function": "f", "event_types": ["a"]},
        {"lambda_function": "g", "event_types": ["a"]},
    ]
    first = [webhook.target_id for webhook in read(record(*hooks))[0].webhooks]
    assert len(set(first)) == len(hooks)
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in first)
    assert first[0] == "b3b0bf46e6025733"  # a change would orphan the retries that wait in queues
    same = [
        {**HOOK, "headers": {"X-A": "1"}, "retry": {"enabled": False}, "request_timeout_ms": 1},
        {**HOOK, "url": "http://user:rotated@127.0.0.1/h"},
        {**HOOK, "event_types": ["b", "b"]},
        {**HOOK, "filter": {"channel_prefix": "x", "channel_suffix": None}},
    ]
    assert [webhook.target_id for webhook in read(record(*same))[0].webhooks] == first[:4]


@pytest.mark.parametrize(
    "headers", [{"X-A": "1"}, {"headers": {"X-A": "1"}}, {"X-A": "1", "Host": "forged"}]
)
def test_stored_headers(headers: dict[str, object]) -> None:
    app, _ = read(record({**HOOK, "headers": headers}))
    assert app.webhooks[0].endpoint is not None
    head = app.webhooks[0].endpoint.static_head
    assert b"X-A: 1\r\n" in head
    assert b"forged" not in head


def test_a_header_called_headers_is_a_header() -> None:
    app, _ = read(record({**HOOK, "headers": {"headers": "1"}}))
    assert app.webhooks[0].endpoint is not None
    assert b"headers: 1\r\n" in app.webhooks[0].endpoint.static_head


@pytest.mark.parametrize(
    "name",
    [
        "Host", "Content-Length", "transfer-encoding", "Connection", "TE", "Trailer", "Upgrade",
        "Expect", "Proxy-Authorization", "proxy-x", "X-Pusher-Key", "x-pusher-signature",
        "Webhook-Id", "X-Sockq-Delivery-Id", "Content-Type", "CONTENT-ENCODING",
    ],
)  # fmt: skip
def test_reserved_headers_are_dropped_and_named(name: str) -> None:
    app, warnings = read(record({**HOOK, "headers": {name: "forged", "User-Agent": "mine"}}))
    assert warnings == [
        f"apps[0].policy.webhooks[0].headers: {name} is reserved and not sent; remove it"
    ]
    assert app.webhooks[0].endpoint is not None
    assert b"forged" not in app.webhooks[0].endpoint.static_head
    assert b"User-Agent: mine\r\n" in app.webhooks[0].endpoint.static_head


def test_targets_that_are_none() -> None:
    app, warnings = read(record({"event_types": ["a"]}, {**HOOK, "lambda_function": "f"}))
    assert len(app.webhooks) == 1
    assert warnings == [
        "apps[0].policy.webhooks[0]: has neither url nor lambda and is skipped; give it a url",
        "apps[0].policy.webhooks[1]: has both url and lambda: the url is used",
    ]
    assert app.webhooks[0].function is None


@pytest.mark.parametrize(
    ("target", "function"),
    [
        ({"lambda_function": "f"}, FunctionTarget("f", "us-east-1")),
        (
            {"lambda": {"function_name": "f", "region": "eu-west-1"}},
            FunctionTarget("f", "eu-west-1"),
        ),
        (
            {"lambda_function": "f", "lambda": {"function_name": "g", "region": "eu-west-1"}},
            FunctionTarget("g", "eu-west-1"),
        ),
    ],
)
def test_lambda_targets(target: dict[str, object], function: FunctionTarget) -> None:
    app, warnings = read(record({"event_types": ["a"], "headers": {"X-A": "1"}, **target}))
    (webhook,) = app.webhooks
    assert webhook.endpoint is None
    assert webhook.function == function
    assert webhook.timeout_seconds == 10.0
    assert webhook.label == f"lambda {function.name}"
    assert webhook.lane.endswith(f" lambda {function.region} {function.name}")
    assert warnings == []


def test_filters_that_warn() -> None:
    app, warnings = read(
        record(
            {**HOOK, "filter": {"channel_name_starts_with": "x"}},
            {**HOOK, "filter": {"channel_pattern": "(?=x)"}},
        )
    )
    loose, never = app.webhooks
    assert loose.filter is not None
    assert loose.filter.matches("anything")
    assert never.filter is not None
    assert not never.filter.matches("x")
    where = "apps[0].policy.webhooks"
    ignored, invalid = warnings
    assert ignored == (
        f"{where}[0].filter: channel_name_starts_with is not a filter that Sockudo knows"
        " and filters nothing"
    )
    assert invalid == (
        f"{where}[1].filter: channel_pattern '(?=x)' is invalid for Sockudo too"
        " (look-around and other special groups do not exist): this webhook gets no events"
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, ["id is missing", "key is missing", "secret is missing"]),
        ({**IDS, "secret": 7}, ["secret is a number, not a text"]),
        ({**IDS, "policy": []}, ["policy is an array, not an object"]),
        ({**IDS, "policy": {"webhooks": {}}}, ["policy: webhooks is an object, not an array"]),
        ({**IDS, "webhooks": "x"}, ["webhooks is a text, not an array"]),
        ({**IDS, "webhooks": [1]}, ["webhooks[0]: is a number, not an object"]),
    ],
)
def test_faults_of_an_app(raw: dict[str, object], expected: list[str]) -> None:
    got = faults_of(raw)
    assert [one.removeprefix("apps[0]").lstrip(".: ") for one in got] == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"event_types": None}, ": event_types is missing; list the events to deliver"),
        ({"event_types": "a"}, ": event_types is a text, not an array"),
        ({"event_types": ["a", 1]}, ": event_types[1] is a number, not a text"),
        ({"url": 1}, ": url is a number, not a text"),
        ({"url": "/relative"}, ".url: the URL has no scheme; write http://HOST/PATH or"),
        ({"url": "ftp://h/"}, ".url: the URL's scheme is 'ftp'; use http or https"),
        ({"headers": []}, ".headers: is an array, not an object"),
        ({"headers": {"X-A": 1}}, ".headers: X-A is a number, not a text"),
        ({"headers": {"X A": "1"}}, ": custom header 'X A': not a legal header name"),
        ({"headers": {"X-A": "hunter2\r\n"}}, ": custom header 'X-A': its value has a line break"),
        ({"filter": 1}, ".filter: is a number, not an object"),
        ({"filter": {"channel_prefix": 1}}, ".filter: channel_prefix is a number, not a text"),
        ({"filter": {"channel_namespaces": "x"}}, ".filter: channel_namespaces is a text, not"),
        ({"filter": {"channel_pattern": "[a&&b]"}}, ".filter: channel_pattern '[a&&b]': the set"),
        ({"retry": True}, ".retry: is true or false, not an object"),
        ({"retry": {"enabled": 1}}, ".retry: enabled is a number, not true or false"),
        ({"retry": {"max_attempts": -1}}, ".retry: max_attempts is a number; give a whole number"),
        ({"retry": {"max_attempts": True}}, ".retry: max_attempts is true or false; give a whole"),
        ({"request_timeout_ms": 1.5}, ": request_timeout_ms is a number; give a whole number"),
        ({"request_timeout_ms": "9"}, ": request_timeout_ms is a text; give a whole number"),
        ({"url": None, "lambda": "f"}, ": lambda is a text, not an object"),
        ({"url": None, "lambda": {"region": "x"}}, ".lambda: function_name is missing"),
        ({"url": None, "lambda": {"function_name": "x"}}, ".lambda: region is missing"),
    ],
)
def test_faults_of_a_webhook(changes: dict[str, object], expected: str) -> None:
    (fault,) = faults_of(record({**HOOK, **changes}))
    assert fault.startswith(f"apps[0].policy.webhooks[0]{expected}")
    assert "hunter2" not in fault
    assert "\n" not in fault


def test_all_faults_are_listed() -> None:
    assert len(faults_of(record({**HOOK, "url": "x", "event_types": 1, "retry": 2}, 3))) == 4
