"""Which slot a command belongs to, and who owns it, from answers of CLUSTER SLOTS."""

from __future__ import annotations

from typing import Any

import pytest
from redis import exceptions
from redis.crc import key_slot

from sockq.drivers.redis_address import Address
from sockq.drivers.redis_cluster_map import (
    SlotMap,
    is_doubtful,
    is_told_to_wait,
    redirection,
    slot_of,
)

ASKED = Address("10.0.0.9", 7000)


@pytest.mark.parametrize(
    ("args", "key"),
    [
        (("RPUSH", "sockudo_queue::queue:webhooks", b"job"), b"sockudo_queue::queue:webhooks"),
        (("BLMOVE", b"{a}:list", "{a}:intake", "LEFT", "RIGHT", "0.250"), b"a"),
        (("EVALSHA", "abc", 2, "{webhooks}:jobs", "{webhooks}:wait", 7), b"webhooks"),
        (("eval", "return 1", "1", "ž"), "ž".encode()),
        (("EVAL", "return 1", 0, "argument"), None),
        (("PING",), None),
    ],
)
def test_the_slot_of_a_command(args: tuple[Any, ...], key: bytes | None) -> None:
    assert slot_of(args) == (None if key is None else key_slot(key))


def test_the_slots_of_a_stock_server() -> None:
    """As recorded on real clusters."""
    assert slot_of(("LLEN", "sockudo_queue::queue:webhooks")) == 15_616
    assert slot_of(("LLEN", "sockudo_queue:v2:{webhooks}:wait")) == 4_418


def test_masters_replicas_and_gaps() -> None:
    known = SlotMap()
    one, two = [b"10.0.0.1", 7000, b"id-1", []], [b"10.0.0.2", 7000, b"id-2", []]
    replica = [b"10.0.0.3", 7001, b"id-3", [b"hostname", b"r.example"]]
    known.replace([[0, 99, one, replica], [100, 199, two], [300, 16_383, one, replica]], ASKED)
    owners = [known.owner(slot) for slot in (0, 99, 100, 199, 200, 299, 300, 16_383)]
    first, second = Address("10.0.0.1", 7000), Address("10.0.0.2", 7000)
    assert owners == [first, first, second, second, None, None, first, first]
    assert known.nodes == (first, second, Address("10.0.0.3", 7001))
    known.replace([[0, 99, two]], ASKED)
    assert known.owner(300) is None, "an answer replaces the one before"


@pytest.mark.parametrize("host", [b"", None, b"?", ""])
def test_a_node_that_does_not_know_its_address_is_where_it_was_asked(host: Any) -> None:
    known = SlotMap()
    known.replace([[0, 16_383, [host, 7005, b"id"]]], ASKED)
    assert known.owner(5) == Address("10.0.0.9", 7005)


def test_one_slot_that_moved() -> None:
    known = SlotMap()
    known.replace([[0, 16_383, [b"10.0.0.1", 7000, b"id"]]], ASKED)
    known.moved(5, Address("::1", 7001))
    assert str(known.owner(5)) == "[::1]:7001"
    assert str(known.owner(6)) == "10.0.0.1:7000"


@pytest.mark.parametrize(
    ("error", "node", "asking"),
    [
        (exceptions.MovedError("3999 10.0.0.1:7001"), "10.0.0.1:7001", False),
        (exceptions.AskError("3999 10.0.0.1:7001"), "10.0.0.1:7001", True),
        (exceptions.ResponseError("MOVED 3999 10.0.0.1:7001"), "10.0.0.1:7001", False),
        (exceptions.ResponseError("ASK 3999 ::1:7001"), "[::1]:7001", True),
        (exceptions.ResponseError("MOVED 3999 :7001"), "10.0.0.9:7001", False),
        (exceptions.MovedError("3999 :7001"), "10.0.0.9:7001", False),
    ],
)
def test_where_a_node_sends_a_command(
    error: exceptions.ResponseError, node: str, asking: bool
) -> None:
    told = redirection(error, ASKED)
    assert told is not None
    assert (told.slot, str(told.node), told.asking) == (3999, node, asking)


@pytest.mark.parametrize(
    ("error", "waits", "doubts"),
    [
        (exceptions.TryAgainError("Multiple keys request during rehashing of slot"), True, False),
        (exceptions.ResponseError("TRYAGAIN Multiple keys request"), True, False),
        (exceptions.ClusterDownError("The cluster is down"), False, True),
        (exceptions.ResponseError("CLUSTERDOWN Hash slot not served"), False, True),
        (exceptions.MasterDownError("Link with MASTER is down"), False, True),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), False, True),
        (exceptions.ResponseError("MOVED by a script's author"), False, False),
        (exceptions.NoScriptError("No matching script."), False, False),
    ],
)
def test_other_answers(error: exceptions.ResponseError, waits: bool, doubts: bool) -> None:
    assert redirection(error, ASKED) is None
    assert (is_told_to_wait(error), is_doubtful(error)) == (waits, doubts)
