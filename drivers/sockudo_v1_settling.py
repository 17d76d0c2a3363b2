"""Turns settlements into calls of ``sockudo_v1_settle``, in an order that keeps the queue's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from sockq.drivers.job import Ack, Dead, Release, Retry, Settlement
from sockq.drivers.sockudo_v1_format import RECEIPT_LENGTH

#: Settlements of one call: its time at the server stays near a millisecond.
CHUNK: Final = 256


class SettleCall(msgspec.Struct, frozen=True, gc=False):
    """One call of the script: ``args`` without the dead limit, and which settlements it answers."""

    owner: str
    args: list[str | bytes | int]
    indexes: list[int]


def settle_calls(settlements: Sequence[Settlement]) -> Iterator[SettleCall]:
    """Plan the calls for a batch.

    Settlements of one owner go together, acks first. Releases to the front go last and latest
    claimed first: each is put before the others, so that the original order comes back.
    """
    by_owner: dict[str, _Batch] = {}
    for index, settlement in enumerate(settlements):
        lease = settlement.lease
        batch = by_owner.get(lease.owner)
        if batch is None:
            batch = by_owner[lease.owner] = _Batch([], [], [])
        if len(lease.receipt) != RECEIPT_LENGTH:
            continue  # not one of ours: it cannot be settled here
        if type(settlement) is Ack:
            batch.acks.append(index)
        elif isinstance(settlement, Release) and settlement.delay_seconds <= 0:
            batch.to_front.append(index)
        else:
            batch.others.append(index)
    for owner, (acks, others, to_front) in by_owner.items():
        to_front.sort(key=lambda i: settlements[i].lease.receipt, reverse=True)
        ordered = acks + others + to_front
        for first in range(0, len(ordered), CHUNK):
            yield _call(owner, settlements, ordered[first : first + CHUNK], len(acks) - first)


class _Batch(NamedTuple):
    acks: list[int]
    others: list[int]
    to_front: list[int]


def _call(
    owner: str, settlements: Sequence[Settlement], indexes: list[int], acks: int
) -> SettleCall:
    acks = max(0, min(acks, len(indexes)))
    receipts = "".join([settlements[i].lease.receipt for i in indexes[:acks]])
    args: list[str | bytes | int] = [receipts]
    for index in indexes[acks:]:
        args += _group(settlements[index])
    return SettleCall(owner, args, indexes)


def _group(settlement: Settlement) -> tuple[str | bytes | int, ...]:
    receipt = settlement.lease.receipt
    match settlement:
        case Retry(delay_seconds=delay, state=state):
            return "R", receipt, delay_ms(delay), state, ""
        case Dead(reason=reason, state=state):
            return "D", receipt, reason, state, ""
        case Release(delay_seconds=delay, state=None):
            return "L", receipt, delay_ms(delay), b"", ""
        case Release(delay_seconds=delay, state=bytes(state)):
            return "L", receipt, delay_ms(delay), state, "1"
        case _:
            raise AssertionError("acks travel together")


def delay_ms(seconds: float) -> int:
    """Whole milliseconds, rounded up: nothing comes early."""
    return max(0, -int(-seconds * 1000 // 1))
