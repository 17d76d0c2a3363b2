"""From settlements to the arguments of ``lua/v2_settle.lua``. Pure."""

from __future__ import annotations

from typing import Any, assert_never

from sockq.drivers.durations import whole_ms
from sockq.drivers.job import Ack, Dead, Release, Retry, Settlement
from sockq.drivers.sockudo_v2_payload import encode_state, envelope


def settle_arguments(settlement: Settlement) -> list[Any]:
    """Return the arguments of one settlement."""
    lease = settlement.lease
    match settlement:
        case Ack():
            return ["A", lease.id, lease.receipt]
        case Retry(_, delay_seconds, state):
            return ["R", lease.id, lease.receipt, whole_ms(delay_seconds), encode_state(state)]
        case Dead(_, reason, state, payload):
            stored = b"" if payload is None else envelope(lease.id, payload)
            return dead_arguments(lease.id, lease.receipt, reason, state, stored=stored)
        case Release(_, delay_seconds, state):
            keep = "1" if state is None else "0"
            delay = whole_ms(delay_seconds)
            return ["L", lease.id, lease.receipt, delay, keep, encode_state(state or b"")]
        case _:
            assert_never(settlement)


def dead_arguments(
    id_: str | bytes,
    receipt: str,
    reason: str,
    state: bytes,
    new_id: str | None = None,
    stored: bytes = b"",
) -> list[Any]:
    """Return the arguments that end a lease as a dead letter.

    Args:
        id_: The job's.
        receipt: Its token.
        reason: Why.
        state: Opaque.
        new_id: Under which it is kept; None: its own.
        stored: What is kept in the place of its stored payload; empty: that.
    """
    kept_as = id_ if new_id is None else new_id
    return ["D", id_, receipt, reason, encode_state(state), kept_as, stored]
