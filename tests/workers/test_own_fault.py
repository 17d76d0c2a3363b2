"""What becomes of a job that meets a fault of ours."""

from __future__ import annotations

import msgspec
import pytest

from sockq.drivers.job import Dead, Lease, Retry
from sockq.workers.own_fault import own_fault
from sockq.workers.target_state import JobState, TargetState, decode, encode

NOW_MS = 1_700_000_000_000
SERVED_A = encode(JobState(targets={"b": TargetState(attempts=2)}))


class SecretError(Exception):
    """Says what nobody may read."""


def lease(state: bytes = b"", attempt: int = 1) -> Lease:
    return Lease("j1", b"{}", attempt, "r", "w", state=state)


def until_dead(state: bytes, *, clock: bool = True) -> tuple[Dead, list[float]]:
    """Fail in the same way until it is dead; the delays between, and the letter."""
    delays: list[float] = []
    while len(delays) < 100:
        now_ms = NOW_MS + round(sum(delays) * 1000) if clock else NOW_MS
        settlement = own_fault(lease(state, len(delays) + 1), SecretError("hunter2"), now_ms)
        if isinstance(settlement, Dead):
            return settlement, delays
        delays.append(settlement.delay_seconds)
        state = settlement.state
    pytest.fail("it is tried again for ever")


@pytest.mark.parametrize("state", [b"", SERVED_A])
def test_it_is_tried_for_five_minutes_then_dead_with_its_kind(state: bytes) -> None:
    dead, delays = until_dead(state)
    assert delays == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0, 60.0]
    assert dead.reason == "internal error: SecretError"
    assert decode(dead.state).owed == decode(state).owed
    assert (decode(dead.state).faults, decode(dead.state).fault_since_ms) == (0, 0)


@pytest.mark.parametrize("state", [b"", b"{damaged"])
def test_it_ends_after_twenty_tries_whatever_the_clock_and_the_state(state: bytes) -> None:
    dead, delays = until_dead(state, clock=False)
    assert len(delays) == 19
    assert dead.reason == "internal error: SecretError"
    assert dead.state == state


def test_a_long_time_alone_is_not_enough() -> None:
    """The fleet may have been down between the first try and the second."""
    first = own_fault(lease(), SecretError(), NOW_MS)
    assert isinstance(first, Retry)
    second = own_fault(lease(first.state), SecretError(), NOW_MS + 3_600_000)
    assert isinstance(second, Retry)


def test_what_was_tried_stays_known() -> None:
    settlement = own_fault(lease(SERVED_A), SecretError(), NOW_MS)
    assert isinstance(settlement, Retry)
    kept = msgspec.structs.replace(decode(settlement.state), faults=0, fault_since_ms=0)
    assert encode(kept) == SERVED_A
