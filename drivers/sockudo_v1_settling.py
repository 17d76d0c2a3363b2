"""Turns settlements and leases into calls of the scripts that end and extend leases. Pure.

A call names claims, and which places of each are meant by a bitmap: place 1 is the lowest bit of
the first byte. A script's answer has bitmaps too: of what it was asked for and did not find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from sockq.drivers.durations import whole_ms
from sockq.drivers.job import Ack, Dead, Lease, Release, Retry, Settlement
from sockq.drivers.sockudo_v1_format import MOST_JOBS, PREFIX_LENGTH, RECEIPT_LENGTH

#: Settlements of one call: its time at the server stays near a millisecond.
_SETTLE_CHUNK: Final = 256
#: Leases that one call extends.
_EXTEND_CHUNK: Final = 500
_PLACE_AT: Final = RECEIPT_LENGTH - 4
#: The bitmap of each place that a claim may have, by the end of its receipt.
_BITS: Final = {f"{place:04}": 1 << (place - 1) for place in range(1, MOST_JOBS + 1)}

Args = list[str | bytes | int]


class Call(msgspec.Struct, frozen=True, gc=False):
    """One call of a script; settlements and leases are meant by their index in the batch.

    Attributes:
        owner: Of all its leases.
        claims: The prefixes of their claims.
        args: For each claim its prefix and bitmap, and what else the settlements say.
        marked: What stands in the bitmaps.
        others: The rest, in the order of the arguments.
        receipts: Of the whole batch.
    """

    owner: str
    claims: list[str]
    args: Args
    marked: list[int]
    others: list[int]
    receipts: list[str]

    def succeeded(self, answer: Any) -> list[int]:
        """Return what took effect.

        Args:
            answer: Of the script: 0 is everything; else bitmaps by claim, then numbers of others.
        """
        if answer == 0:
            return self.marked + self.others
        bitmaps, numbers = answer[: len(self.claims)], set(answer[len(self.claims) :])
        lost = dict(zip(self.claims, (int.from_bytes(b, "little") for b in bitmaps), strict=True))
        done = []
        for index in self.marked:
            receipt = self.receipts[index]
            if not lost[receipt[:PREFIX_LENGTH]] & _bit(receipt):
                done.append(index)
        return done + [i for number, i in enumerate(self.others, 1) if number not in numbers]


def settle_calls(settlements: Sequence[Settlement]) -> Iterator[Call]:
    """Plan the calls for a batch.

    Settlements of one owner go together, acks first. Releases to the front go last and latest
    claimed first: each is put before the others, so that the original order comes back.
    """
    receipts = [settlement.lease.receipt for settlement in settlements]
    by_owner: dict[str, _Batch] = {}
    for index, settlement in enumerate(settlements):
        owner = settlement.lease.owner
        batch = by_owner.get(owner)
        if batch is None:
            batch = by_owner[owner] = _Batch([], [], [])
        if len(receipts[index]) != RECEIPT_LENGTH:
            continue  # not one of ours: it cannot be settled here
        if type(settlement) is Ack:
            batch.acks.append(index)
        elif isinstance(settlement, Release) and settlement.delay_seconds <= 0:
            batch.to_front.append(index)
        else:
            batch.others.append(index)
    for owner, (acks, others, to_front) in by_owner.items():
        to_front.sort(key=receipts.__getitem__, reverse=True)
        ordered = acks + others + to_front
        for first in range(0, len(ordered), _SETTLE_CHUNK):
            chunk = ordered[first : first + _SETTLE_CHUNK]
            acked = max(0, min(len(acks) - first, len(chunk)))
            bitmaps, marked = _mark(receipts, chunk[:acked])
            groups = _groups(settlements, chunk[acked:], bitmaps)
            args = _claim_args(bitmaps) + groups
            yield Call(owner, list(bitmaps), args, marked, chunk[acked:], receipts)


class _Batch(NamedTuple):
    acks: list[int]
    others: list[int]
    to_front: list[int]


def extend_calls(leases: Sequence[Lease]) -> Iterator[Call]:
    """Plan the calls that extend leases."""
    receipts = [lease.receipt for lease in leases]
    by_owner: dict[str, list[int]] = {}
    for index, lease in enumerate(leases):
        if len(lease.receipt) == RECEIPT_LENGTH:
            by_owner.setdefault(lease.owner, []).append(index)
    for owner, indexes in by_owner.items():
        for first in range(0, len(indexes), _EXTEND_CHUNK):
            chunk = indexes[first : first + _EXTEND_CHUNK]
            bitmaps, _ = _mark(receipts, chunk)
            marked = [index for index in chunk if _bit(receipts[index])]
            yield Call(owner, list(bitmaps), _claim_args(bitmaps), marked, [], receipts)


def _mark(receipts: list[str], indexes: Sequence[int]) -> tuple[dict[str, int], list[int]]:
    """Return the bitmaps by claim, and the indexes in them: of each lease the first."""
    by_claim: dict[str, list[int]] = {}
    for index in indexes:
        claim = receipts[index][:PREFIX_LENGTH]
        if claim in by_claim:
            by_claim[claim].append(index)
        else:
            by_claim[claim] = [index]
    bitmaps: dict[str, int] = {}
    marked: list[int] = []
    for claim, its in by_claim.items():
        try:
            bitmap = sum([_BITS[receipts[index][_PLACE_AT:]] for index in its])
        except KeyError:  # no receipt of ours
            bitmap = 0
        if bitmap.bit_count() == len(its):  # else a lease twice: carries lose bits
            bitmaps[claim] = bitmap
            marked += its
        else:
            bitmaps[claim], several = _mark_one_by_one(receipts, its)
            marked += several
    return bitmaps, marked


def _mark_one_by_one(receipts: list[str], indexes: list[int]) -> tuple[int, list[int]]:
    bitmap = 0
    marked = []
    for index in indexes:
        bit = _bit(receipts[index])
        if bitmap | bit != bitmap:
            bitmap |= bit
            marked.append(index)
    return bitmap, marked


def _bit(receipt: str) -> int:
    """Return a bitmap with just its place; 0: no receipt of ours."""
    return _BITS.get(receipt[_PLACE_AT:], 0)


def _claim_args(bitmaps: dict[str, int]) -> Args:
    args: Args = []
    for claim, bitmap in bitmaps.items():
        args += (claim, bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "little"))
    return args


def _groups(
    settlements: Sequence[Settlement], indexes: Sequence[int], bitmaps: dict[str, int]
) -> Args:
    """Return what the script wants to know of each; adds claims that are new to ``bitmaps``."""
    groups: Args = []
    numbers = {claim: number for number, claim in enumerate(bitmaps, 1)}
    for index in indexes:
        receipt = settlements[index].lease.receipt
        claim = receipt[:PREFIX_LENGTH]
        bitmaps.setdefault(claim, 0)
        number = numbers.setdefault(claim, len(bitmaps))
        groups += _group(settlements[index], number, receipt[_PLACE_AT:])
    return groups


def _group(settlement: Settlement, claim: int, place: str) -> tuple[str | bytes | int, ...]:
    match settlement:
        case Retry(delay_seconds=delay, state=state):
            return "R", claim, place, whole_ms(delay), state, ""
        case Dead(reason=reason, state=state, payload=payload):
            return "D", claim, place, reason, state, payload or ""
        case Release(delay_seconds=delay, state=None):
            return "L", claim, place, whole_ms(delay), b"", ""
        case Release(delay_seconds=delay, state=bytes(state)):
            return "L", claim, place, whole_ms(delay), state, "1"
        case _:
            raise AssertionError("acks travel together")
