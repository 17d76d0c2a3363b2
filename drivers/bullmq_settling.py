"""Turns settlements into calls of ``bullmq_settle``, in an order that keeps the queues'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from sockq.drivers.bullmq_format import Receipt, read_receipt
from sockq.drivers.durations import whole_ms
from sockq.drivers.job import Ack, Dead, Release, Retry, Settlement
from sockq.drivers.job_mark import id_bytes

#: Settlements of one call: its time at the server stays near two milliseconds.
CHUNK: Final = 256

Arguments = list[str | bytes | int]


class SettleCall(msgspec.Struct, frozen=True, gc=False):
    """One call of the script: its ``args``, and which settlements it answers."""

    args: Arguments
    indexes: list[int]


def settle_calls(settlements: Sequence[Settlement]) -> Iterator[SettleCall]:
    """Plan the calls for a batch.

    Acks go first. Releases to the front go last and latest claimed first: each is put before the
    others, so that the original order comes back. Receipts that are none of ours are left out.
    """
    receipts: dict[int, Receipt] = {}
    acks: list[int] = []
    others: list[int] = []
    to_front: list[int] = []
    for index, settlement in enumerate(settlements):
        receipt = read_receipt(settlement.lease.receipt)
        if receipt is None:
            continue
        receipts[index] = receipt
        if type(settlement) is Ack:
            acks.append(index)
        elif isinstance(settlement, Release) and settlement.delay_seconds <= 0:
            to_front.append(index)
        else:
            others.append(index)
    to_front.sort(key=lambda i: (receipts[i].token, receipts[i].order), reverse=True)
    ordered = acks + others + to_front
    for first in range(0, len(ordered), CHUNK):
        indexes = ordered[first : first + CHUNK]
        args: Arguments = [max(0, min(len(acks) - first, len(indexes)))]
        for index in indexes:
            args += _arguments(settlements[index], lease_arguments(receipts[index]))
        yield SettleCall(args, indexes)


def lease_arguments(receipt: Receipt) -> tuple[str, bytes, bytes]:
    """Return number of the queue, id, token, as the scripts take them."""
    return receipt.number, id_bytes(receipt.job_id), id_bytes(receipt.token)


def _arguments(
    settlement: Settlement, lease: tuple[str, bytes, bytes]
) -> tuple[str | bytes | int, ...]:
    match settlement:
        case Ack():
            return lease
        case Retry(delay_seconds=delay, state=state):
            return "R", *lease, whole_ms(delay), state, ""
        case Dead(reason=reason, state=state, payload=payload):
            return "D", *lease, reason, state, payload or ""
        case Release(delay_seconds=delay, state=None):
            return "L", *lease, whole_ms(delay), b"", ""
        case Release(delay_seconds=delay, state=bytes(state)):
            return "L", *lease, whole_ms(delay), state, "1"
        case _:
            raise AssertionError("no other settlement exists")
