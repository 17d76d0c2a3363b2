"""Prefixes, ids, receipts and the plan of a settlement, as values."""

from __future__ import annotations

import json

import pytest

from sockq.drivers.bullmq_format import (
    QUEUES,
    JobKey,
    Tokens,
    claimed,
    find_id,
    has_hash_tag,
    job_options,
    queue_number,
    read_receipt,
    shown_id,
    text,
    wait_keys,
)
from sockq.drivers.bullmq_settling import settle_calls
from sockq.drivers.job import Ack, Dead, Lease, Release, Retry, Settlement
from sockq.drivers.job_mark import id_bytes


@pytest.mark.parametrize(
    ("prefix", "first"),
    [
        ("", ":client_event_webhooks:wait"),
        ("soketi", "soketi:client_event_webhooks:wait"),
        ("soketi:", "soketi:client_event_webhooks:wait"),
        ("app::", "app::client_event_webhooks:wait"),
        ("{soketi}:", "{soketi}:client_event_webhooks:wait"),
        ("bull", "bull:client_event_webhooks:wait"),
    ],
)
def test_one_trailing_colon_of_a_prefix_does_not_count(prefix: str, first: str) -> None:
    keys = wait_keys(prefix)
    assert keys[0] == first
    assert len(keys) == len(set(keys)) == 6


@pytest.mark.parametrize(
    ("prefix", "tagged"),
    [("", False), ("a:", False), ("{a}:", True), ("x{a}y", True), ("{}:", False), ("{a", False)],
)
def test_a_hash_tag_is_not_empty(prefix: str, tagged: bool) -> None:
    assert has_hash_tag(prefix) is tagged


@pytest.mark.parametrize(
    ("number", "job_id", "timestamp", "shown"),
    [
        (1, "17", "1700000000000", "client_event_webhooks:17@1700000000000"),
        (6, "1", "1", "cache_miss_webhooks:1@1"),
        (2, "abc", "1700000000000", "abc"),
        (2, "\u0661\u0667", "1700000000000", "\u0661\u0667"),
    ],
)
def test_an_id_says_queue_and_time_unless_a_producer_chose_it(
    number: int, job_id: str, timestamp: str, shown: str
) -> None:
    assert shown_id(number, job_id, timestamp) == shown
    known = JobKey(number, job_id, timestamp)
    assert find_id(shown) == (known if ":" in shown else JobKey(0, job_id, ""))


@pytest.mark.parametrize("odd", ["", "x:1@2", "other_webhooks:1@2", "client_event_webhooks:1"])
def test_what_is_no_shown_id_is_looked_for_as_it_is(odd: str) -> None:
    assert find_id(odd) == JobKey(0, odd, "")


@pytest.mark.parametrize("queue", QUEUES)
def test_a_job_goes_to_the_queue_of_its_first_event(queue: str) -> None:
    kind = queue.removesuffix("_webhooks")
    events = [{"name": kind, "channel": "a"}, {"name": "cache_miss", "channel": "b"}]
    job = {"appKey": "k", "payload": {"time_ms": 1, "events": events}}
    assert QUEUES[queue_number(json.dumps(job).encode()) - 1] == queue


@pytest.mark.parametrize("payload", [b"", b"\xff\x00", b'{"events":[{"name":"no_such"}]}'])
def test_what_is_no_webhook_goes_to_the_first_queue(payload: bytes) -> None:
    assert queue_number(payload) == 1


def test_options_are_those_of_soketi() -> None:
    assert json.loads(job_options(None, 0)) == {
        "attempts": 6,
        "backoff": {"type": "exponential", "delay": 1000},
        "removeOnComplete": True,
        "removeOnFail": True,
        "delay": 0,
    }
    assert json.loads(job_options("x", 5))["jobId"] == "x"


def test_tokens_differ_and_end_with_the_owner() -> None:
    tokens = Tokens()
    first, second = tokens.next("w:1"), tokens.next("w:1")
    assert first < second
    assert first[:6] == "sockq:"
    assert first[32:] == second[32:] == "w:1"


@pytest.mark.parametrize("job_id", [b"1", b"a:b:c", b"", b"\xff\xfe", "größe".encode()])
def test_a_receipt_holds_any_id_and_owner(job_id: bytes) -> None:
    token = Tokens().next("host:w 1:9")
    (lease,) = claimed(token, "host:w 1:9", [3, job_id, b"{}", b"12", 2, 1, b"\x00"])
    assert (lease.attempt, lease.crashes, lease.state) == (2, 1, b"\x00")
    receipt = read_receipt(lease.receipt)
    assert receipt is not None
    assert (receipt.number, id_bytes(receipt.job_id), receipt.token) == ("3", job_id, token)
    assert text(job_id) == receipt.job_id


@pytest.mark.parametrize("odd", ["", "1", "1:0:x:y", "7:0:1:ab", "0:0:1:ab", "bull", "x:0:1:ab"])
def test_a_strange_receipt_is_nobodys(odd: str) -> None:
    assert read_receipt(odd) is None
    assert list(settle_calls([Ack(Lease("1", b"", 1, odd, "w"))])) == []


def test_acks_go_first_and_the_earliest_claimed_goes_last_to_the_front() -> None:
    flat: list[bytes | int] = []
    for n in range(5):
        flat += [1, str(n).encode(), b"{}", b"1", 1, 0, b""]
    a, b, c, d, e = claimed("sockq:" + "0" * 25 + ":w", "w", flat)
    settlements: list[Settlement] = [
        Release(a),
        Retry(b, 0.0, b""),
        Release(c),
        Ack(d),
        Dead(e, "gone", b""),
    ]
    (call,) = settle_calls(settlements)
    assert call.indexes == [3, 1, 4, 2, 0]
    assert call.args[0] == 1
    assert len(call.args) == 1 + 3 + 4 * 7
