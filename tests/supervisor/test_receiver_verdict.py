"""What the receiver takes for genuine: exactly what every official SDK would."""

from __future__ import annotations

import pytest
from support.webhooks import SECRETS, body, signed

from sockq.supervisor.receiver_verdict import judge

_NOW = 1_700_000_000_000


def test_the_recorded_signature_is_accepted() -> None:
    content = (
        b'{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"my-channel"}]}'
    )
    headers = {
        "content-type": "application/json",
        "x-pusher-key": "app-key",
        "x-pusher-signature": "fec9fff324b82111ea03affc886e951bec5ee7a9e365bfd05cf254414c990a1a",
    }
    found = judge(headers, content, SECRETS, _NOW + 299_000)
    assert (found.ok, found.why) == (True, "signature ok")
    assert (found.names, found.channel) == (("channel_occupied",), "my-channel")
    assert found.time_ms == _NOW


@pytest.mark.parametrize(
    ("changes", "content", "now_ms", "why"),
    [
        ({"x-pusher-signature": "0" * 64}, None, _NOW, "signature does not match"),
        ({"x-pusher-signature": None}, None, _NOW, "is missing"),
        ({"x-pusher-signature": "é"}, None, _NOW, "signature does not match"),
        ({"x-pusher-key": None}, None, _NOW, "is missing"),
        ({"x-pusher-key": "other"}, None, _NOW, "unknown here"),
        ({"content-type": "application/json; charset=utf-8"}, None, _NOW, "not exactly"),
        ({"content-type": "application/json, text/plain"}, None, _NOW, "not exactly"),
        ({"content-type": None}, None, _NOW, "not exactly"),
        ({}, None, _NOW + 301_000, "301 s old"),
        ({}, None, _NOW - 301_000, "301 s ahead"),
        ({}, b"{}", _NOW, "not a webhook"),
        ({}, b'{"time_ms":"1","events":[]}', _NOW, "not a webhook"),
        ({}, b"\xff", _NOW, "not a webhook"),
    ],
)
def test_whatever_an_sdk_would_refuse_is_refused(
    changes: dict[str, str | None], content: bytes | None, now_ms: int, why: str
) -> None:
    content = body(_NOW) if content is None else content
    headers = {name.lower(): value for name, value in signed(content).items()}
    for name, value in changes.items():
        headers.pop(name)
        if value is not None:
            headers[name] = value
    found = judge(headers, content, SECRETS, now_ms)
    assert not found.ok
    assert why in found.why


def test_half_a_surrogate_pair_is_taken_as_javascript_takes_it() -> None:
    content = b'{"time_ms":1700000000000,"events":[{"name":"client_event","data":"\\ud800"}]}'
    whys = [
        judge({k.lower(): v for k, v in signed(text).items()}, text, SECRETS, _NOW).why
        for text in (content, content[:-1], content.replace(b"ud800", b"ud800\xff"))
    ]
    assert whys[0] == "signature ok"
    assert all(why.startswith("body is not a webhook") for why in whys[1:])
