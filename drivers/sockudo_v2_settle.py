"""From settlements to the arguments of ``lua/v2_settle.lua``. Pure."""

from __future__ import annotations

import math
from typing import Any, assert_never

from sockq.drivers.job import Ack, Dead, Release, Retry, Settlement
from sockq.drivers.sockudo_v2_payload import encode_state


def milliseconds(seconds: float) -> int:
    """Return a duration in whole ms, rounded up so that nothing is early; at least 0."""
    return max(0, math.ceil(seconds * 1_000))


def settle_arguments(settlement: Settlement) -> list[Any]:
    """Return the arguments of one settlement."""
    lease = settlement.lease
    match settlement:
        case Ack():
            return ["A", lease.id, lease.receipt]
        case Retry(_, delay_seconds, state):
            return ["R", lease.id, lease.receipt, milliseconds(delay_seconds), encode_state(state)]
        case Dead(_, reason, state):
            return dead_arguments(lease.id, lease.receipt, reason, state)
        case Release(_, delay_seconds, state):
            keep = "1" if state is None else "0"
            delay = milliseconds(delay_seconds)
            return ["L", lease.id, lease.receipt, delay, keep, encode_state(state or b"")]
        case _:
            assert_never(settlement)


def dead_arguments(
    id_: str | bytes, receipt: str, reason: str, state: bytes, new_id: str | None = None
) -> list[Any]:
    """Return the arguments that end a lease as a dead letter, under ``new_id`` if one is given."""
    return ["D", id_, receipt, reason, encode_state(state), id_ if new_id is None else new_id]
