"""Jobs of Sockudo: what is read of them, and the reason why one is none."""

from __future__ import annotations

import pytest
from support.job_payloads import EVENT, job

from sockq.workers.dialect import parse
from sockq.workers.webhook_job import Invalid, WebhookJob

DEEP = 100_000


def read(payload: str | bytes) -> WebhookJob:
    got = parse(payload.encode() if isinstance(payload, str) else payload, "sockudo")
    assert isinstance(got, WebhookJob), got
    return got


def reason(payload: str | bytes) -> str:
    got = parse(payload.encode() if isinstance(payload, str) else payload, "sockudo")
    assert isinstance(got, Invalid), got
    return got.reason


def test_values_are_read_and_events_keep_their_bytes() -> None:
    got = read(job("1700000000000", f'[{EVENT},{{ "name":"x", "n":1.50 }}]'))
    assert (got.app_id, got.app_key, got.app_secret) == ("i", "k", "TOPSECRET")
    assert got.time_ms == 1_700_000_000_000
    assert [bytes(event) for event in got.events] == [EVENT.encode(), b'{ "name":"x", "n":1.50 }']
    assert [(head.name, head.channel) for head in got.heads] == [
        ("channel_occupied", "c"),
        ("x", ""),
    ]
    assert got.job_id is None
    assert got.whole is None


def test_repr_shows_no_secret() -> None:
    assert "TOPSECRET" not in repr(read(job()))


def test_job_id_of_newer_servers() -> None:
    assert read(job(extra=',"job_id":"0198-a"')).job_id == "0198-a"


@pytest.mark.parametrize(
    ("event", "name", "channel"),
    [
        ("1", None, ""),
        ("null", None, ""),
        ('"name"', None, ""),
        ('["name"]', None, ""),
        ("{}", None, ""),
        ('{"name":1,"channel":"c"}', None, "c"),
        ('{"name":null}', None, ""),
        ('{"name":["a"],"channel":{"a":1}}', None, ""),
        ('{"name":"a","channel":null}', "a", ""),
        ('{"name":"a","channel":7}', "a", ""),
        ('{"channel":"c","name":"a"}', "a", "c"),
        ('{"n\\u0061me":"\\u0061","channel":"ž"}', "a", "ž"),
    ],
)
def test_any_json_is_an_event(event: str, name: str | None, channel: str) -> None:
    for events in (f"[{event}]", f"[{EVENT},{event}]"):
        head = read(job(events=events)).heads[-1]
        assert (head.name, head.channel) == (name, channel)


@pytest.mark.parametrize(
    "payload",
    [
        job(events="[]"),
        job("-1"),
        job(str(2**63 - 1)),
        job(str(-(2**63))),
        " \n" + job() + "\n",
        job(extra=',"unknown":1,"unknown":{"app_key":1,"app_key":2}'),
        job(extra=',"job_id":null'),
        job(events='[{"name":"a","name":"b","app_key":"x","time_ms":1}]'),
        job(key='"k\\u0041"'),
        job(key='"ž"'),
        job(key='""'),
        job(key='"a\\tb"'),
        job(events='["\\ud83d\\ude00","😀","\\\\ud83d"]'),
        job(events="[" + "[" * 500 + "]" * 500 + "]"),
    ],
)
def test_good_jobs(payload: str) -> None:
    assert read(payload).app_id == "i"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "empty job"),
        (b"  ", "empty job"),
        (b"hello", "not JSON: invalid character (byte 0)"),
        (b"null", "the job is of type null, not object"),
        (b"[1]", "the job is of type array, not object"),
        (b'{"a":1', "not JSON: Input data was truncated"),
        (job() + "x", f"not JSON: trailing characters (byte {len(job()) + 1})"),
        (b"\xef\xbb\xbf" + job().encode(), "not JSON: invalid character (byte 0)"),
        (job().encode().replace(b'"o"', b'"\xff"'), "not UTF-8"),
        (job().encode().replace(b'"c"', b'"\xed\xa0\x80"'), "not UTF-8"),
        (job(events='["\\ud83d"]'), "half a surrogate pair in an escape"),
        (job(events='["\\ude00\\ud83d"]'), "half a surrogate pair in an escape"),
        (job(key='"\\ud83d"'), "half a surrogate pair in an escape"),
        (job(extra=',"x":"\\ud83d"'), "half a surrogate pair in an escape"),
        (job(events="[NaN]"), "not JSON: NaN or Infinity"),
        (job(events='[{"name":"a","n":-Infinity}]'), "not JSON: NaN or Infinity"),
        (job(extra=',"x":Infinity'), "not JSON: NaN or Infinity"),
        (job(events="[" + "[" * DEEP + "]" * DEEP + "]"), "nested too deep"),
        (job(events='[{"a":' * DEEP + "1" + "}]" * DEEP), "nested too deep"),
        (job(extra=',"x":' + "[" * DEEP + "]" * DEEP), "nested too deep"),
        ("[" * DEEP, "the job is of type array, not object"),
        ('{"x":' * DEEP, "nested too deep"),
        (job("1.0"), "field payload.time_ms is of type float, not int"),
        (job("1e3"), "field payload.time_ms is of type float, not int"),
        (job('"1"'), "field payload.time_ms is of type str, not int"),
        (job("true"), "field payload.time_ms is of type bool, not int"),
        (job("null"), "field payload.time_ms is of type null, not int"),
        (job(str(2**63)), "field payload.time_ms is out of range"),
        (job(str(-(2**63) - 1)), "field payload.time_ms is out of range"),
        (job("9" * 5000), "field payload.time_ms is out of range"),
        (job(events="{}"), "field payload.events is of type object, not array"),
        (job(events="null"), "field payload.events is of type null, not array"),
        (job(key="null"), "field app_key is of type null, not str"),
        (job(key="7"), "field app_key is of type int, not str"),
        ('{"app_key":"k"}', "field app_id is missing"),
        (job().replace('"time_ms":1,', ""), "field payload.time_ms is missing"),
        (job().replace(',"original_signature":"o"', ""), "field original_signature is missing"),
        (job(extra=',"app_key":"k"'), "field app_key appears twice"),
        (job(extra=',"app\\u005fkey":"k"'), "field app_key appears twice"),
        (job(extra=',"original_signature":""'), "field original_signature appears twice"),
        (job(extra=',"payload":{"time_ms":1,"events":[]}'), "field payload appears twice"),
        (job('1,"time_ms":1'), "field payload.time_ms appears twice"),
        (job(events='[],"events":[]'), "field payload.events appears twice"),
        (job(extra=',"job_id":"a","job_id":"a"'), "field job_id appears twice"),
        (
            job(key='"a\\r\\nX: y"'),
            "the app key has a control character and cannot be sent as a header",
        ),
        (
            job(key='"\\u0000"'),
            "the app key has a control character and cannot be sent as a header",
        ),
        (
            job(key='"\\u007f"'),
            "the app key has a control character and cannot be sent as a header",
        ),
    ],
)
@pytest.mark.parametrize("dialect", ["sockudo", "auto"])
def test_bad_jobs_each_have_their_reason(payload: str | bytes, expected: str, dialect: str) -> None:
    raw = payload.encode() if isinstance(payload, str) else payload
    got = parse(raw, dialect)  # type: ignore[arg-type]
    assert got == Invalid(expected)
