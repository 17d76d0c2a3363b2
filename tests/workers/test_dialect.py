from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from sockq.workers.app_shapes import read_app
from sockq.workers.apps import WebhookDefaults
from sockq.workers.dialect import Invalid, WebhookJob, parse
from sockq.workers.plan import plan
from sockq.workers.signing import signer_for, verify

EVENT = '{"name":"channel_occupied","channel":"c"}'
DEEP = 100_000


def job(time_ms: str = "1", events: str = f"[{EVENT}]", extra: str = "", key: str = '"k"') -> str:
    return (
        f'{{"app_key":{key},"app_id":"i","app_secret":"TOPSECRET","payload":'
        f'{{"time_ms":{time_ms},"events":{events}}},"original_signature":"o"{extra}}}'
    )


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
        (job(extra=',"app_key":"k"'), "field app_key stands there twice"),
        (job(extra=',"app\\u005fkey":"k"'), "field app_key stands there twice"),
        (job(extra=',"original_signature":""'), "field original_signature stands there twice"),
        (job(extra=',"payload":{"time_ms":1,"events":[]}'), "field payload stands there twice"),
        (job('1,"time_ms":1'), "field payload.time_ms stands there twice"),
        (job(events='[],"events":[]'), "field payload.events stands there twice"),
        (job(extra=',"job_id":"a","job_id":"a"'), "field job_id stands there twice"),
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


def test_nesting_never_breaks_the_stack_of_a_small_thread() -> None:
    """The decoders count their depth; on any interpreter the process survives, also in a thread."""
    code = """
import threading
from sockq.workers.dialect import Invalid, parse
deep = b'{"app_key":' + b'[' * 1_000_000 + b']' * 1_000_000 + b'}'
nested = b'{"payload":' * 100_000 + b'1' + b'}' * 100_000
found = []
def run():
    for raw in (deep, nested):
        for dialect in ("sockudo", "soketi", "auto"):
            found.append(parse(raw, dialect))
run()
thread = threading.Thread(target=run)
thread.start()
thread.join()
assert len(found) == 12 and all(isinstance(one, Invalid) for one in found), found
print("alive")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout == "alive\n", done.stderr


SOKETI_PAYLOAD = (
    '{"time_ms":1700000000000,"events":[{"name":"client_event","channel":"c","data":%s}]}'
)


def soketi(data: str = "1", *, key: str = '"k"', proof: str = "p", space: str = "") -> bytes:
    payload = SOKETI_PAYLOAD % data
    return (
        f'{{"appKey":{space}{key},"appId":7,"payload":{space}{payload},'
        f'"originalPusherSignature":"{proof}"}}'
    ).encode()


@pytest.mark.parametrize("dialect", ["soketi", "auto"])
@pytest.mark.parametrize("space", ["", " "])
@pytest.mark.parametrize(
    "data", ["1", '"ž\u2028"', '"\\ud800"', '"\\\\ud800"', '"\\udc00\\ud800\\ud83d\\ude00"']
)
def test_soketi_jobs_keep_the_bytes_that_their_proof_signs(
    dialect: str, space: str, data: str
) -> None:
    whole = (SOKETI_PAYLOAD % data).encode()
    proof = signer_for("s").sign(whole).decode()
    got = parse(soketi(data, proof=proof, space=space), dialect)  # type: ignore[arg-type]
    assert isinstance(got, WebhookJob)
    assert (got.app_id, got.app_key, got.app_secret) == ("7", "k", None)
    assert got.whole == whole
    assert got.proof is not None
    assert verify("s", got.whole, got.proof)
    assert not verify("other", got.whole, got.proof)
    assert bytes(got.events[0]) == whole[len('{"time_ms":1700000000000,"events":[') : -2]
    assert (got.heads[0].name, got.heads[0].channel) == ("client_event", "c")


def test_soketi_jobs_that_are_none() -> None:
    cases = {
        b"": "empty job",
        b"null": "the job is of type null, not object",
        b'{"appKey":"k","payload":{}}': "field appId is missing",
        soketi(key="[]"): "field appKey is of type array, not int | str",
        soketi("NaN"): "not JSON: NaN or Infinity",
        soketi().replace(b"1700000000000", b"1.5"): (
            "field payload.time_ms is of type float, not int"
        ),
        soketi().replace(b'"time_ms":1700000000000,', b""): "field payload.time_ms is missing",
        soketi(key='"a\\nb"'): "the app key has a control character and cannot be sent as a header",
        soketi().replace(b'"c"', b'"\xff"'): "not UTF-8",
    }
    assert {raw: parse(raw, "soketi") for raw in cases} == {
        raw: Invalid(text) for raw, text in cases.items()
    }


def test_auto_tells_by_shape_whatever_the_order() -> None:
    fields = list(json.loads(job()).items())
    turned = json.dumps(dict(reversed(fields))).encode()
    assert isinstance(parse(turned, "auto"), WebhookJob)
    turned = json.dumps(dict(reversed(list(json.loads(soketi()).items())))).encode()
    got = parse(turned, "auto")
    assert isinstance(got, WebhookJob)
    assert got.app_secret is None


def test_whatever_the_bytes_it_never_raises() -> None:
    """A few thousand damaged jobs: each is read or has a reason of one line without the secret."""
    rng = random.Random(20_240_607)
    seeds = [job().encode(), soketi('"\\ud800"'), job(events=f"[{EVENT},{EVENT}]").encode()]
    seeds.append(job(key='"ž"', extra=',"job_id":"j","x":[1,{"a":null}]').encode())
    bits = [b'"', b"\\", b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b"\xff", b"\0", b"NaN"]
    bits += [b"1e999", b"-", b"null", b'"app_key":"k",', b'"time_ms":1,', b"\xc5\xbe"]
    hooks = [
        {"url": "http://h/", "event_types": ["channel_occupied", "client_event"]},
        {"url": "http://h/", "event_types": ["client_event"], "filter": {"channel_pattern": "c"}},
    ]
    raw_app = {"id": "i", "key": "k", "secret": "s", "webhooks": hooks}
    app, _, _ = read_app(raw_app, WebhookDefaults(), "app")
    assert app is not None
    read_count = 0
    for _ in range(4000):
        raw = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 3)):
            at, end = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
            match rng.randrange(4):
                case 0:
                    raw[at:at] = rng.choice(bits)
                case 1:
                    del raw[at : min(end, at + 5)]
                case 2:
                    raw[at:at] = raw[at:end]
                case _:
                    raw[at : at + 1] = bytes([rng.randrange(256)])
        for dialect in ("sockudo", "soketi", "auto"):
            got = parse(bytes(raw), dialect)
            if isinstance(got, Invalid):
                assert 0 < len(got.reason) < 200
                assert "TOPSECRET" not in got.reason
                assert "\n" not in got.reason
            else:
                read_count += 1
                assert len(got.events) == len(got.heads)
                for one in plan(got, app, None):
                    assert one.body.startswith(b'{"time_ms":')
    assert read_count > 100
