"""Turns settlements into calls of ``sockudo_v1_settle``, in an order that keeps the queue's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from sockq.drivers.job import Ack, Dead, Release, Retry, Settlement

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
    by_owner: dict[str, list[int]] = {}
    for index, settlement in enumerate(settlements):
        by_owner.setdefault(settlement.lease.owner, []).append(index)
    for owner, indexes in by_owner.items():
        acks = [i for i in indexes if isinstance(settlements[i], Ack)]
        to_front = [i for i in indexes if _to_front(settlements[i])]
        fronts = set(to_front)
        others = [i for i in indexes if not isinstance(settlements[i], Ack) and i not in fronts]
        to_front.sort(key=lambda i: settlements[i].lease.receipt, reverse=True)
        ordered = acks + others + to_front
        for first in range(0, len(ordered), CHUNK):
            yield _call(owner, settlements, ordered[first : first + CHUNK])


def _to_front(settlement: Settlement) -> bool:
    return isinstance(settlement, Release) and settlement.delay_seconds <= 0


def _call(owner: str, settlements: Sequence[Settlement], indexes: list[int]) -> SettleCall:
    acks: list[str | bytes | int] = []
    others: list[str | bytes | int] = []
    for index in indexes:
        match settlements[index]:
            case Ack(lease=lease):
                acks.append(lease.receipt)
            case Retry(lease=lease, delay_seconds=delay, state=state):
                others += ["R", lease.receipt, delay_ms(delay), state, ""]
            case Dead(lease=lease, reason=reason, state=state):
                others += ["D", lease.receipt, reason, state, ""]
            case Release(lease=lease, delay_seconds=delay, state=None):
                others += ["L", lease.receipt, delay_ms(delay), b"", ""]
            case Release(lease=lease, delay_seconds=delay, state=bytes(state)):
                others += ["L", lease.receipt, delay_ms(delay), state, "1"]
    return SettleCall(owner, [len(acks), *acks, *others], indexes)


def delay_ms(seconds: float) -> int:
    """Whole milliseconds, rounded up: nothing comes early."""
    return max(0, -int(-seconds * 1000 // 1))
