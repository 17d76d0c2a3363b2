"""Key names and stored payloads: pure."""

from __future__ import annotations

import pytest
from support.v2_queue import enveloped, job_data

from sockq.drivers.redis import v2_bases
from sockq.drivers.sockudo_v2_keys import base_key, queue_keys
from sockq.drivers.sockudo_v2_payload import (
    encode_state,
    envelope,
    event_time_ms,
    read_stored,
    split_note,
)


@pytest.mark.parametrize(
    ("prefix", "queue", "base"),
    [
        ("sockudo_queue:", "webhooks", "sockudo_queue:v2:{webhooks}"),
        ("sockudo_queue", "webhooks", "sockudo_queue:v2:{webhooks}"),
        ("  a:b::: ", "webhooks", "a:b:v2:{webhooks}"),
        ("p", "a-b_c.d:e", "p:v2:{a-b_c.d:e}"),
        ("p", "a b/ü{}", "p:v2:{a%20b%2F%C3%BC%7B%7D}"),
    ],
)
def test_the_base_key_is_the_servers(prefix: str, queue: str, base: str) -> None:
    assert base_key(prefix, queue) == base


@pytest.mark.parametrize(
    ("prefix", "queue"),
    [("", "q"), (" :: ", "q"), ("{tag}:", "q"), ("a}", "q"), ("p", ""), ("p", "x" * 513)],
)
def test_what_stops_a_server_is_refused(prefix: str, queue: str) -> None:
    with pytest.raises(ValueError, match="must"):
        base_key(prefix, queue)


def test_there_are_sixteen_keys_in_one_slot() -> None:
    keys = queue_keys("p:v2:{webhooks}")
    assert len(set(keys)) == 16
    assert keys[0] == "p:v2:{webhooks}:jobs"
    assert keys[-1] == "p:v2:{webhooks}:events"


NOTED = b',"sockq":"2.c3RhdGU="}'
BARE = job_data("x")
INNER = b'{"app_id":"a","payload":{"events":[{"data":{"b":1,"sockq":"1.AAAA"}}]}}'


@pytest.mark.parametrize(
    ("id_", "stored", "payload", "state", "crashes"),
    [
        pytest.param("x", enveloped("x", b'{"a":1}'), b'{"a":1}', b"", 0, id="envelope"),
        pytest.param(
            "x", enveloped("x", b'{"a":1}')[:-1] + NOTED, b'{"a":1}', b"state", 2, id="noted"
        ),
        pytest.param("x", BARE, BARE, b"", 0, id="bare"),
        pytest.param("x", BARE[:-1] + NOTED, BARE, b"state", 2, id="bare and noted"),
        pytest.param(
            "x",
            b' { "id" : "x", "data" : { "a": [1, 2] } , "version" : 2, "more": {} } ',
            b'{ "a": [1, 2] }',
            b"",
            0,
            id="another order, spaces, more fields",
        ),
        pytest.param('ü"', envelope('ü"', b"{}"), b"{}", b"", 0, id="an id that needs escapes"),
        pytest.param("x", INNER, INNER, b"", 0, id="a client's own field of the name"),
        pytest.param(
            "x", enveloped("x", INNER), INNER, b"", 0, id="a client's own field, in an envelope"
        ),
        pytest.param(
            "x",
            BARE[:-1] + b',"sockq":"1.AAAA"\n}\n',
            BARE[:-1] + b',"sockq":"1.AAAA"\n}\n',
            b"",
            0,
            id="a field like a note, but not one",
        ),
    ],
)
def test_a_stored_payload_is_cut_not_encoded(
    id_: str, stored: bytes, payload: bytes, state: bytes, crashes: int
) -> None:
    assert read_stored(id_, stored) == (payload, state, crashes)


@pytest.mark.parametrize(
    "stored",
    [
        enveloped("y"),
        enveloped("x").replace(b":2,", b":1,", 1),
        enveloped("x").replace(b":2,", b':"2",', 1),
        enveloped("x")[:-1],
        b'"text"',
        b"null",
        b"{}",
        b"\xff",
        BARE.replace(b"my-channel", b"\xc3"),
    ],
)
def test_what_is_no_job_is_none(stored: bytes) -> None:
    assert read_stored("x", stored) is None


def test_any_bytes_can_be_looked_at() -> None:
    assert split_note(b"\xff\x00" + NOTED) == (b"\xff\x00}", b"state", 2)
    assert split_note(b'{"a":1,"sockq":"1.A"}')[0] == b'{"a":1,"sockq":"1.A"}'  # no base64
    assert encode_state(bytes(range(256))).isascii()


def test_the_time_of_a_job_is_that_of_its_events() -> None:
    assert event_time_ms(b"x", enveloped("x", job_data("x", time_ms=1234))) == 1234
    assert event_time_ms(b"x", job_data("x", time_ms=1234)) == 1234
    assert event_time_ms(b"x", enveloped("x", b"{}")) is None
    assert event_time_ms(b"\xff", b"") is None


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("sockudo_queue:", ["sockudo_queue:v2:{webhooks}"]),
        ("{tag}:", []),  # no Sockudo 5 server starts with it
        ("", []),
    ],
)
def test_the_driver_opens_the_queue_that_a_server_of_the_prefix_has(
    prefix: str, names: list[str]
) -> None:
    assert v2_bases(prefix, "webhooks") == names
