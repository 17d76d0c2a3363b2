"""A reload, step by step."""

from __future__ import annotations

import pytest

from sockq.supervisor.rolling import Rolling, Seen, Step, Why

SOAK = 5.0
LIMIT = 100.0


def fleet(*generations: int, ready: float | None = 99.0, faulty: int = 0) -> dict[int, Seen]:
    return {n: Seen(one, faulty, ready) for n, one in enumerate(generations)}


def rolls(slots: list[int], surge: int | None, seen: dict[int, Seen]) -> Rolling:
    return Rolling(slots, surge, seen, soak_seconds=SOAK, limit_seconds=LIMIT)


def test_the_surge_comes_first_then_one_slot_at_a_time() -> None:
    seen = fleet(1, 1, 0)
    rolling = rolls([0, 1], 2, seen)
    assert rolling.step(seen, 0.0) == (Step.ADD, 2)
    assert rolling.step(seen, 0.0)[0] is Step.WAIT
    assert rolling.step(seen | {2: Seen(1, 0, 4.9)}, 0.0)[0] is Step.WAIT
    assert rolling.step(fleet(1, 1, 1), 0.0) == (Step.REPLACE, 0)
    assert rolling.step(fleet(1, 1, 1), 0.0)[0] is Step.WAIT
    assert rolling.step(fleet(2, 1, 1, ready=None), 0.0)[0] is Step.WAIT
    assert rolling.step(fleet(2, 1, 1), 0.0) == (Step.REPLACE, 1)
    assert rolling.step(fleet(2, 2, 1), 0.0) == (Step.DONE, 0)
    assert rolling.why is None


@pytest.mark.parametrize(
    ("slot", "generation", "faulty", "step"),
    [
        (2, 1, 1, (Step.FAILED, 2)),  # the extra worker
        (1, 5, 5, (Step.FAILED, 1)),  # what came after an old one that crashed
        (1, 6, 5, (Step.FAILED, 1)),  # and its successor is up already
        (1, 5, 4, (Step.WAIT, 0)),  # an old one crashed, the new one is there
        (1, 4, 4, (Step.WAIT, 0)),  # or not yet
        (0, 4, 3, (Step.WAIT, 0)),  # long before
    ],
)
def test_only_the_end_of_a_new_process_speaks_against_it(
    slot: int, generation: int, faulty: int, step: tuple[Step, int]
) -> None:
    seen = fleet(4, 4, 0)
    rolling = rolls([0, 1], 2, seen)
    rolling.step(seen, 0.0)
    assert rolling.step(seen | {slot: Seen(generation, faulty, None)}, 0.0) == step
    assert rolling.why is (Why.ENDED if step[0] is Step.FAILED else None)


def test_faults_from_before_do_not_count() -> None:
    seen = fleet(3, 3, 0, faulty=3) | {2: Seen(0, 0, None)}
    rolling = rolls([0, 1], 2, seen)
    assert rolling.step(seen, 0.0)[0] is Step.ADD


def test_one_that_crashed_meanwhile_is_new_already_and_only_has_to_soak() -> None:
    rolling = rolls([0, 1], None, fleet(1, 1))
    crashed = {0: Seen(2, 1, 1.0), 1: Seen(2, 1, 99.0)}
    assert rolling.step(crashed, 0.0)[0] is Step.WAIT
    assert rolling.step(crashed | {0: Seen(2, 1, 5.0)}, 4.0) == (Step.DONE, 0)


def test_without_room_for_a_surge_it_goes_without() -> None:
    seen = fleet(1, 1)
    assert rolls([0, 1], None, seen).step(seen, 0.0) == (Step.REPLACE, 0)


def test_a_slot_that_is_scaled_away_is_skipped() -> None:
    seen = fleet(1, 1)
    rolling = rolls([0, 1], None, seen)
    rolling.step(seen, 0.0)
    rolling.drop(1)
    rolling.drop(0)
    assert rolling.step(seen, 0.0) == (Step.DONE, 0)


def test_a_step_without_an_end_is_given_up() -> None:
    """One that is killed again and again is never at fault, and never soaked."""
    seen = fleet(1, 1)
    rolling = rolls([0, 1], None, seen)
    rolling.step(seen, 10.0)
    assert rolling.step(fleet(2, 1, ready=4.0), 10.0 + LIMIT)[0] is Step.WAIT
    assert rolling.step(fleet(9, 1, ready=None), 10.1 + LIMIT) == (Step.FAILED, 0)
    assert rolling.why is Why.LATE


def test_each_step_has_its_own_time_and_the_callers_sleep_does_not_count() -> None:
    seen = fleet(1, 1)
    rolling = rolls([0, 1], None, seen)
    rolling.step(seen, 0.0)
    assert rolling.step(fleet(2, 1), LIMIT) == (Step.REPLACE, 1)
    assert rolling.step(fleet(2, 1), 2 * LIMIT)[0] is Step.WAIT
    rolling.excuse(50.0)
    assert rolling.step(fleet(2, 1), 2 * LIMIT + 50.0)[0] is Step.WAIT
    assert rolling.step(fleet(2, 1), 2 * LIMIT + 51.0) == (Step.FAILED, 1)


def test_nobody_waits_for_an_old_process_that_is_stuck() -> None:
    seen = fleet(1, 1)
    rolling = rolls([0, 1], None, seen)
    assert rolling.step(seen, 0.0) == (Step.REPLACE, 0)
    stuck = seen | {0: Seen(1, 0, None, stuck=True)}
    assert rolling.step(stuck, 0.0) == (Step.REPLACE, 1)
    assert rolling.step(stuck | {1: Seen(2, 0, None, stuck=True)}, 0.0)[0] is Step.WAIT
    assert rolling.step(stuck | {1: Seen(2, 0, SOAK)}, 0.0) == (Step.DONE, 0)
    assert rolling.passed_over == [0]
