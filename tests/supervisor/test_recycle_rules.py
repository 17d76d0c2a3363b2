"""When a worker is due for a fresh process: the rules by tables."""

from __future__ import annotations

import math

import pytest

from sockq.supervisor.recycle_rules import Fetching, Limits, RecycleSettings, Sending, Use, Why

LIMITS = Limits(jobs=100, growth_bytes=1000, age_seconds=60)


@pytest.mark.parametrize(
    ("use", "why"),
    [
        (Use(0, 0, 0), None),
        (Use(99, 999, 59.9), None),
        (Use(100, 0, 0), Why.JOBS),
        (Use(0, 1000, 0), Why.GROWTH),
        (Use(0, 0, 60), Why.AGE),
        (Use(0, -5, 0), None),
    ],
)
def test_a_limit_is_reached(use: Use, why: Why | None) -> None:
    assert LIMITS.reached(use) is why


def test_by_default_there_is_no_limit() -> None:
    limits = Limits.draw(RecycleSettings(), lambda: 0.5)
    assert limits == Limits(math.inf, math.inf, math.inf)


def test_each_limit_has_its_own_jitter_and_is_never_above_what_was_set() -> None:
    chances = iter([0.0, 0.5, 1.0])
    settings = RecycleSettings(jobs=100, growth_bytes=1000, age_seconds=60, jitter=0.2)
    assert Limits.draw(settings, lambda: next(chances)) == Limits(100, 900, 48)


def test_a_fetch_is_stale_only_for_one_that_could_have_claimed() -> None:
    fetching = Fetching(excused_at=100)
    assert fetching.stale_seconds(130, 0, may_claim=True) == 30
    assert fetching.stale_seconds(130, 125, may_claim=True) == 5
    assert fetching.stale_seconds(140, 125, may_claim=False) == 0
    assert fetching.stale_seconds(150, 125, may_claim=True) == 10


def test_a_request_is_overdue_only_for_one_that_could_have_ended_it() -> None:
    sending = Sending(excused_at=100)
    assert sending.overdue_seconds(200, 0, may_wait=False) == 0
    assert sending.overdue_seconds(130, 125, may_wait=False) == 5
    assert sending.overdue_seconds(130, 220, may_wait=False) < 0, "a long one has its time"
    assert sending.overdue_seconds(140, 125, may_wait=True) == 0
    assert sending.overdue_seconds(150, 125, may_wait=False) == 10
