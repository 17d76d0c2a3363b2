"""A reload, step by step."""

from __future__ import annotations

from sockq.supervisor.rolling import Rolling, Seen, Step


def fleet(*generations: int, ready: float | None = 99.0, faults: int = 0) -> dict[int, Seen]:
    return {n: Seen(one, faults, ready) for n, one in enumerate(generations)}


def test_the_surge_comes_first_then_one_slot_at_a_time() -> None:
    seen = fleet(1, 1, 0)
    rolling = Rolling([0, 1], 2, 5.0, seen)
    assert rolling.step(seen) == (Step.ADD, 2)
    assert rolling.step(seen)[0] is Step.WAIT
    assert rolling.step(seen | {2: Seen(1, 0, 4.9)})[0] is Step.WAIT
    assert rolling.step(fleet(1, 1, 1)) == (Step.REPLACE, 0)
    assert rolling.step(fleet(1, 1, 1))[0] is Step.WAIT
    assert rolling.step(fleet(2, 1, 1, ready=None))[0] is Step.WAIT
    assert rolling.step(fleet(2, 1, 1)) == (Step.REPLACE, 1)
    assert rolling.step(fleet(2, 2, 1)) == (Step.DONE, 0)


def test_a_fault_ends_it() -> None:
    seen = fleet(1, 1, 0)
    rolling = Rolling([0, 1], 2, 5.0, seen)
    rolling.step(seen)
    assert rolling.step(seen | {2: Seen(1, 1, None)}) == (Step.FAILED, 0)


def test_faults_from_before_do_not_count() -> None:
    seen = fleet(3, 3, 0, faults=4)
    rolling = Rolling([0, 1], 2, 5.0, seen)
    assert rolling.step(seen)[0] is Step.ADD


def test_without_room_for_a_surge_it_goes_without() -> None:
    seen = fleet(1, 1)
    rolling = Rolling([0, 1], None, 5.0, seen)
    assert rolling.step(seen) == (Step.REPLACE, 0)


def test_a_slot_that_is_scaled_away_is_skipped() -> None:
    seen = fleet(1, 1)
    rolling = Rolling([0, 1], None, 5.0, seen)
    rolling.step(seen)
    rolling.drop(1)
    rolling.drop(0)
    assert rolling.step(seen) == (Step.DONE, 0)
