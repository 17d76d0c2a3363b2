from __future__ import annotations

import random

import pytest

from sockq.workers.app_shapes import read_app
from sockq.workers.apps import App, WebhookDefaults
from sockq.workers.dialect import parse
from sockq.workers.plan import Planned, plan
from sockq.workers.webhook_job import WebhookJob

A1 = '{"name":"a","channel":"c1"}'
A2 = '{ "channel" : "c2", "name":"a" }'
B1 = '{"name":"b","channel":"c1","data":{"n":1.50,"s":"\\u00e9"}}'
NAMELESS = '{"channel":"c1"}'


def app(*webhooks: dict[str, object]) -> App:
    raw = {"id": "i", "key": "k", "secret": "s", "policy": {"webhooks": list(webhooks)}}
    made, faults, _ = read_app(raw, WebhookDefaults(), "app")
    assert made is not None, faults
    return made


def hook(events: str, path: str = "/", **more: object) -> dict[str, object]:
    return {"url": f"http://127.0.0.1{path}", "event_types": events.split(), **more}


def job(*events: str, time_ms: int = 5) -> WebhookJob:
    text = (
        '{"app_key":"k","app_id":"i","app_secret":"s","payload":'
        f'{{"time_ms":{time_ms},"events":[{",".join(events)}]}},"original_signature":"o"}}'
    )
    made = parse(text.encode(), "sockudo")
    assert isinstance(made, WebhookJob), made
    return made


def body(*events: str, time_ms: int = 5) -> bytes:
    return b'{"time_ms":%d,"events":[%b]}' % (time_ms, ",".join(events).encode())


def bodies(planned: list[Planned]) -> list[tuple[str, bytes]]:
    return [
        (one.webhook.endpoint.target if one.webhook.endpoint else "", one.body) for one in planned
    ]


@pytest.mark.parametrize(
    ("webhooks", "events", "expected"),
    [
        ([hook("a")], [A1], [("/", body(A1))]),
        ([hook("b")], [A1], []),
        ([hook("A")], [A1], []),
        ([], [A1], []),
        ([hook("a")], [], []),
        ([hook("a")], [NAMELESS], []),
        ([hook("a b")], [A1, NAMELESS, B1], [("/", body(A1, B1))]),
        ([hook("a b")], [A1, A2, B1], [("/", body(A1, A2, B1))]),
        ([hook("a")], [A1, B1, A2], [("/", body(A1, A2))]),
        ([hook("b", "/b"), hook("a", "/a")], [A1, B1], [("/b", body(B1)), ("/a", body(A1))]),
        ([hook("a"), hook("b")], [A1, B1], [("/", body(A1)), ("/", body(B1))]),
        ([hook("a"), hook("a")], [A1], [("/", body(A1)), ("/", body(A1))]),
        ([hook("a", filter={"channel_prefix": "c2"})], [A1], []),
        ([hook("a", filter={"channel_prefix": "c2"})], [A1, A2], [("/", body(A2))]),
        ([hook("a", filter={"channel_namespaces": []})], [A1, A2], []),
        ([hook("a", filter={"channel_pattern": "(?=x)"})], [A1], []),
        ([hook("a", filter={"channel_name_starts_with": "zzz"})], [A1], [("/", body(A1))]),
        (
            [hook("a", filter={"channel_suffix": ""})],
            ['{"name":"a"}'],
            [("/", body('{"name":"a"}'))],
        ),
        ([hook("")], [A1], []),
        ([{"url": "http://h/", "event_types": [""]}], [NAMELESS], []),
        ([{"lambda_function": "f", "event_types": ["a"]}], [A1], [("", body(A1))]),
    ],
)
def test_selection(
    webhooks: list[dict[str, object]], events: list[str], expected: list[tuple[str, bytes]]
) -> None:
    assert bodies(plan(job(*events), app(*webhooks), None)) == expected


def test_extreme_times_are_written_as_numbers() -> None:
    for time_ms in (0, -1, 2**63 - 1, -(2**63)):
        planned = plan(job(A1, time_ms=time_ms), app(hook("a")), None)
        assert planned[0].body == body(A1, time_ms=time_ms)


def test_equal_selections_share_one_body() -> None:
    two = app(hook("a", "/1"), hook("a b", "/2"), hook("a", "/3"))
    first, second, third = plan(job(A1), two, None)
    assert first.body is second.body is third.body
    first, second, third = plan(job(A1, B1), two, None)
    assert first.body is third.body
    assert second.body == body(A1, B1)


@pytest.mark.parametrize("events", [[A1], [A1, A2]])
def test_a_retry_goes_to_those_still_owed(events: list[str]) -> None:
    three = app(hook("a", "/1"), hook("a", "/2"), hook("a", "/2"))
    ids = [webhook.target_id for webhook in three.webhooks]
    assert len(set(ids)) == 3
    planned = plan(job(*events), three, frozenset({ids[0], ids[2], "no longer there"}))
    assert [one.webhook for one in planned] == [three.webhooks[0], three.webhooks[2]]
    assert plan(job(*events), three, frozenset()) == []


def test_a_dialect_that_keeps_its_payload_sends_it_whole() -> None:
    payload = f'{{"time_ms":5, "events":[{A1},{B1}]}}'
    raw = f'{{"appKey":"k","appId":"i","payload":{payload},"originalPusherSignature":"x"}}'
    made = parse(raw.encode(), "soketi")
    assert isinstance(made, WebhookJob)
    planned = plan(made, app(hook("a b", "/all"), hook("b", "/some")), None)
    assert bodies(planned) == [("/all", payload.encode()), ("/some", body(B1))]


def test_quick_and_slow_path_agree() -> None:
    """One event planned alone and beside one that nobody wants: the same."""
    rng = random.Random(3)
    other = '{"name":"nobody","channel":"x"}'
    filters: list[dict[str, object]] = [
        {},
        {"filter": {"channel_prefix": "c1"}},
        {"filter": {"channel_pattern": "[12]$"}},
        {"filter": {"channel_namespace": "c"}},
    ]
    for _ in range(200):
        hooks = [
            hook(rng.choice(["a", "b", "a b", "z"]), f"/{index}", **rng.choice(filters))
            for index in range(rng.randint(0, 4))
        ]
        made = app(*hooks)
        event = rng.choice([A1, A2, B1, NAMELESS, '{"name":"a","channel":"private-c:1"}'])
        assert bodies(plan(job(event), made, None)) == bodies(plan(job(other, event), made, None))
