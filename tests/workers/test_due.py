"""When a target is due, whatever the clocks of the hosts say."""

from __future__ import annotations

import pytest

from sockq.workers.apps import RetrySettings
from sockq.workers.due import seconds_until_due
from sockq.workers.target_state import TargetState

NOW_MS = 1_700_000_000_000
HOUR = 3600.0


def owed(*due_seconds: float) -> dict[str, TargetState]:
    """Targets ``"0"``, ``"1"`` … due so many seconds from now by the clock here."""
    return {
        str(number): TargetState(attempts=1, due_ms=NOW_MS + round(seconds * 1000))
        for number, seconds in enumerate(due_seconds)
    }


@pytest.mark.parametrize(
    ("due", "waits"),
    [
        ([-1.0], [0.0]),
        ([40.0], [0.0]),  # the queue has waited: this clock is behind the one that wrote it
        ([-0.1, 7.0], [0.0, 7.0]),
        ([40.0, 47.0], [0.0, 7.0]),
        ([40.0, 40.0], [0.0, 0.0]),
        ([-HOUR, -HOUR + 7.0], [0.0, 0.0]),  # this clock is ahead: early, and not late
        ([-1.0, HOUR], [0.0, 300.0]),
    ],
)
def test_the_earliest_is_due_and_the_others_so_much_later(
    due: list[float], waits: list[float]
) -> None:
    targets = owed(*due)
    assert [seconds_until_due(one, targets, None, NOW_MS) for one in targets.values()] == waits


def test_none_waits_longer_than_its_schedule_knows() -> None:
    slow = RetrySettings(max_backoff_ms=1_000_000)
    targets = owed(-1.0, 10_000.0)
    assert seconds_until_due(targets["1"], targets, slow, NOW_MS) == 1_200.0


def test_a_target_that_was_never_tried_is_due() -> None:
    targets = owed(5.0) | {"new": TargetState()}
    assert seconds_until_due(targets["new"], targets, None, NOW_MS) == 0.0
    assert seconds_until_due(None, targets, None, NOW_MS) == 0.0
    assert seconds_until_due(targets["0"], targets, None, NOW_MS) == 5.0
