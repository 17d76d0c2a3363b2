"""How fast dead letters are worked through."""

from __future__ import annotations

import pytest

from sockq.supervisor.dead_pace import Pace


@pytest.mark.parametrize(
    ("rate", "step"), [(None, 250), (0.5, 1), (3.0, 1), (8.0, 2), (100.0, 25), (1e6, 250)]
)
def test_steps_are_small_where_the_rate_is(rate: float | None, step: int) -> None:
    assert Pace(rate).step == step


def test_the_rate_holds_on_average() -> None:
    pace = Pace(10.0)
    assert pace.pause_seconds(2, 0.0) == pytest.approx(0.2)
    assert pace.pause_seconds(20, 1.5) == pytest.approx(0.5)
    assert pace.pause_seconds(20, 3.0) == 0.0, "what is late is not waited for"
    assert Pace().pause_seconds(1_000_000, 0.0) == 0.0


@pytest.mark.parametrize("rate", [0.5, 7.0, 30.0, 400.0])
def test_a_run_never_exceeds_its_rate(rate: float) -> None:
    pace, clock, done = Pace(rate), 0.0, 0
    for _ in range(50):
        done += pace.step
        clock += pace.pause_seconds(done, clock)
        assert done <= rate * clock + 1e-6
