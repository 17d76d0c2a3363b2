"""What a Sockudo v1 source works out before it talks to Redis."""

from __future__ import annotations

import random

import pytest

from sockq.drivers.job import Ack, Dead, Lease, Release, Retry, Settlement
from sockq.drivers.sockudo_v1_format import (
    Prefixes,
    Record,
    decode,
    encode,
    leases_of,
)
from sockq.drivers.sockudo_v1_reclaiming import all_of, expired, reclaim_calls
from sockq.drivers.sockudo_v1_settling import extend_calls, settle_calls

A, B, C = (f"{n:025x}" for n in (1, 2, 3))


def leases(prefix: str, count: int, owner: str = "w", records: int = 0) -> list[Lease]:
    stored = [encode(Record(f"id-{n}", b"p")) for n in range(records)]
    return leases_of(prefix, owner, stored, [b"p"] * (count - records))


# Settling.


def test_acks_of_a_claim_are_one_bitmap() -> None:
    ours, others = leases(A, 20), leases(B, 3)
    batch = [Ack(lease) for lease in (ours[0], others[2], ours[9], ours[19])]
    (call,) = settle_calls(batch)
    assert call.claims == [A, B]
    assert call.args == [A, bytes([1, 2, 8]), B, bytes([4])]
    assert call.others == []
    assert sorted(call.succeeded(0)) == [0, 1, 2, 3]
    assert sorted(call.succeeded([bytes([0, 2, 0]), b""])) == [0, 1, 3]
    assert sorted(call.succeeded([bytes([1, 2, 8]), bytes([4])])) == []


def test_a_lease_twice_counts_once_and_a_strange_one_never() -> None:
    (one, two) = leases(A, 2)
    strange = Lease("id", b"", 1, A + "200zzzz", "w")
    batch = [Ack(two), Ack(one), Ack(two), Ack(strange), Ack(Lease("id", b"", 1, "short", "w"))]
    (call,) = settle_calls(batch)
    assert call.args == [A, bytes([3])]
    assert sorted(call.succeeded(0)) == [0, 1]


def test_all_kinds_travel_together_in_their_order() -> None:
    one, two, three, four, five = leases(A, 5, records=2)
    (late,) = leases(B, 1)
    batch: list[Settlement] = [
        Release(one),
        Retry(two, 0.0015, b"state"),
        Ack(three),
        Release(late, 0.0, b""),
        Dead(four, "gone", b"x"),
        Release(five, 2.0),
    ]
    (call,) = settle_calls(batch)
    assert call.claims == [A, B]
    assert call.args == [
        *(A, bytes([4]), B, b""),
        *("R", 1, "0002", 2, b"state", ""),
        *("D", 1, "0004", "gone", b"x", ""),
        *("L", 1, "0005", 2_000, b"", ""),
        *("L", 2, "0001", 0, b"", "1"),
        *("L", 1, "0001", 0, b"", ""),
    ]
    assert sorted(call.succeeded([b"", b"", 1, 4])) == [0, 2, 4, 5]


def test_owners_and_large_batches_make_calls_of_their_own() -> None:
    mine, yours = leases(A, 300), leases(B, 2, owner="v")
    batch: list[Settlement] = [Ack(lease) for lease in mine + yours]
    batch += [Retry(lease, 1.0, b"") for lease in mine]
    calls = list(settle_calls(batch))
    assert [call.owner for call in calls] == ["w", "w", "w", "v"]
    assert [len(call.marked) for call in calls] == [256, 44, 0, 2]
    assert [len(call.others) for call in calls] == [0, 212, 88, 0]
    assert sorted(i for call in calls for i in call.succeeded(0)) == list(range(602))


def test_extending_a_lease_twice_is_true_twice() -> None:
    (one, two) = leases(A, 2)
    (call,) = extend_calls([two, one, two])
    assert call.args == [A, bytes([3])]
    assert sorted(call.succeeded(0)) == [0, 1, 2]
    assert sorted(call.succeeded([bytes([2])])) == [1]


# Reclaiming.


def test_everything_of_an_owner_the_latest_claim_first() -> None:
    (claims, args), *more = reclaim_calls(all_of([B.encode(), A.encode(), C.encode()]))
    assert claims == [C, B, A]
    assert args == [C, 0, B, 0, A, 0]
    assert more == []


def test_ends_are_sorted_by_owner_and_claim() -> None:
    members = [
        f"b{A}owner-1",
        f"x{B}2000003b-owner",  # an owner may begin with any letter
        f"x{A}1000002owner-1",
        f"b{C}x-owner",
        f"b{B}b-owner",
    ]
    random.Random(3).shuffle(members)
    by_owner = expired([member.encode() for member in members])
    assert {owner: list(claims) for owner, claims in by_owner.items()} == {
        "owner-1": [A],
        "b-owner": [B],
        "x-owner": [C],
    }
    ((claims, args),) = reclaim_calls(by_owner["owner-1"])
    assert claims == [A]
    assert args[:2] == [A, 2]
    assert set(args[2:]) == {f"b{A}owner-1".encode(), f"x{A}1000002owner-1".encode()}


def test_many_claims_are_looked_at_in_several_calls() -> None:
    prefixes = [f"{n:025x}" for n in range(1_200)]
    calls = [claims for claims, _ in reclaim_calls(all_of(p.encode() for p in prefixes))]
    assert [len(claims) for claims in calls] == [500, 500, 200]
    assert [claim for claims in calls for claim in claims] == prefixes[::-1]


# Records and receipts.


@pytest.mark.parametrize(
    "record",
    [
        Record("id", b"payload"),
        Record("ü", b"", 3, 2, b"r1 0 0 0 0 0;", "why; not"),
        Record("x" * 512, bytes(range(256)), 1, 0, bytes(range(256)), "ä" * 99),
    ],
)
def test_a_record_survives(record: Record) -> None:
    assert decode(encode(record)) == record


def test_receipts_grow_and_name_the_place() -> None:
    prefixes = Prefixes()
    made = [prefixes.next() for _ in range(1_000)]
    assert made == sorted(set(made))
    assert {len(prefix) for prefix in made} == {25}
    first, second, third = leases(made[0], 3, records=1)
    assert first.receipt == made[0] + "1000001"
    assert (second.receipt, third.receipt) == (made[0] + "2000002", made[0] + "2000003")
    assert (first.id, second.id) == ("id-0", second.receipt)
