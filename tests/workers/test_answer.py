"""Answers off the usual path: their wording, ``Retry-After``, text that is safe to show."""

from __future__ import annotations

import time

import pytest

from sockq.workers.answer import one_line, read_answer, retry_after_seconds

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (b"", None),
        (b"soon", None),
        (b"-5", None),
        (b"1e3", None),
        (b"inf", None),
        (b"nan", None),
        ("٣".encode(), None),
        (b"0", 0.0),
        (b"120", 120.0),
        (b" 1.5 ", 1.5),
        (b"9" * 400, 1e9),
        (b"Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        (b"Tuesday, 14-Nov-23 22:14:20 GMT", 60.0),
        (b"Tue Nov 14 22:14:20 2023", 60.0),
        (b"Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        (b"Tue, 99 Nov 2023 22:00:00 GMT", None),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_retry_after(
    *,
    value: bytes | None,
    seconds: float | None,
    zone: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    request.addfinalizer(time.tzset)  # after monkeypatch has put TZ back, or at the next test
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("  a\r\n\tb\x00c  ", "a b c"),
        ("\x1b]0;title\x07x", "]0;title x"),
        ("\u202eevil\u200b", "evil"),
        ("\ud800", ""),
        ("x" * 500, "x" * 200),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (b"/there", "location /there"),
        (b"https://user:pw@h/x", "location https://h/x"),
        (b"//user:pw@h/x", "location http://h/x"),
        (b"http://user:pw@[bad/x", "location [bad/x"),
        (b"http://h/\x1b[0m", "location http://h/ [0m"),
    ],
)
def test_location_without_credentials(location: bytes, shown: str) -> None:
    raw = b"HTTP/1.1 301 M\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
    if b"\x1b" in location:
        raw = raw.replace(b"\x1b", b"\x80")  # a control character that HTTP lets through
    assert read_answer(raw).detail() == shown


def test_the_body_is_shown_for_a_failure_even_with_a_location() -> None:
    raw = b"HTTP/1.1 500 E\r\nLocation: /x\r\nContent-Length: 4\r\n\r\noops"
    assert read_answer(raw).detail() == "oops"


def test_only_the_final_answers_headers_count() -> None:
    raw = (
        b"HTTP/1.1 103 E\r\nRetry-After: 1\r\n\r\n"
        b"HTTP/1.1 503 U\r\nretry-AFTER: 2\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 200 U\r\nRetry-After: 4\r\nContent-Length: 0\r\n\r\n"
    )
    answer = read_answer(raw)
    assert (answer.status, answer.informational) == (503, 1)
    assert answer.headers[b"retry-after"] == b"2"


def test_chunks_are_put_together_for_showing() -> None:
    raw = b"HTTP/1.1 400 B\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n3\r\npe!\r\n0\r\n\r\n"
    assert read_answer(raw).detail() == "nope!"


@pytest.mark.parametrize("upto", range(0, 37, 4))
def test_an_incomplete_head_has_no_status(upto: int) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    assert read_answer(raw[:upto]).status == 0
    assert read_answer(raw).status == 200
