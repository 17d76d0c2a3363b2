"""What becomes of an attempt where the application has settings for retries."""

from __future__ import annotations

import pytest
from support.retry_decisions import SOCKUDO, TRANSIENT, after, delay

from sockq.workers.apps import RetrySettings
from sockq.workers.outcome import Fault, Outcome
from sockq.workers.retry import (
    GiveUp,
    TryAgain,
    is_refusal,
)


@pytest.mark.parametrize("outcome", [*TRANSIENT, Outcome(status=409), Outcome(status=404)])
def test_settings_that_switch_retries_off(outcome: Outcome) -> None:
    decision = after(outcome, settings=RetrySettings(enabled=False), at=0.2)
    assert isinstance(decision, GiveUp)
    if outcome.status == 404:
        assert decision.reason == "endpoint answered 404 (1 attempt)"
    else:
        assert decision.reason == (
            f"gave up after 1 attempt in 0 s: {outcome.reason} (retries are switched off)"
        )


@pytest.mark.parametrize("outcome", [*TRANSIENT, Outcome(status=409)])
@pytest.mark.parametrize(
    ("attempts", "base"),
    [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (9, 60), (10_000, 60)],
)
def test_settings_double_the_backoff_with_a_little_jitter(
    outcome: Outcome, attempts: int, base: float
) -> None:
    assert not is_refusal(outcome, SOCKUDO)
    for chance, factor in ((0.0, 0.8), (0.5, 1.0), (1.0, 1.2)):
        decision = after(outcome, attempts=attempts, settings=SOCKUDO, chance=chance)
        assert delay(decision) == pytest.approx(base * factor)


@pytest.mark.parametrize(
    ("settings", "attempts", "at", "gives_up"),
    [
        (RetrySettings(max_attempts=3), 2, 0, False),
        (RetrySettings(max_attempts=3), 3, 0, True),
        (RetrySettings(max_attempts=1), 1, 0, True),
        (RetrySettings(max_attempts=0), 1, 0, True),
        (RetrySettings(max_elapsed_time_ms=3000), 1, 1.9, False),
        (RetrySettings(max_elapsed_time_ms=3000), 1, 2.0, False),
        (RetrySettings(max_elapsed_time_ms=3000), 1, 2.1, True),
        (RetrySettings(max_elapsed_time_ms=0), 1, 0, True),
        (RetrySettings(), 9, 239, False),
        (RetrySettings(), 9, 241, True),
        (RetrySettings(max_elapsed_time_ms=86_400_000), 9, 80_000, False),
    ],
)
def test_settings_bound_attempts_and_time(
    settings: RetrySettings, attempts: int, at: float, *, gives_up: bool
) -> None:
    decision = after(Outcome(status=500), settings=settings, attempts=attempts, at=at)
    assert isinstance(decision, GiveUp) is gives_up


def test_settings_bound_refusals_too() -> None:
    two = RetrySettings(max_attempts=2)
    assert isinstance(after(Outcome(status=404), settings=two, attempts=1), TryAgain)
    assert isinstance(after(Outcome(status=404), settings=two, attempts=2, at=1), GiveUp)
    assert isinstance(after(Outcome(status=404), settings=SOCKUDO, attempts=3, at=1), GiveUp)


def test_settings_and_retry_after() -> None:
    outcome = Outcome(status=429, retry_after_seconds=50.0)
    assert delay(after(outcome, settings=SOCKUDO, chance=0.0)) == 50.0
    short = RetrySettings(max_elapsed_time_ms=40_000)
    assert after(outcome, settings=short) == GiveUp("gave up after 1 attempt in 0 s: status 429")


def test_settings_with_zeros() -> None:
    none = RetrySettings(initial_backoff_ms=0, max_backoff_ms=0)
    assert delay(after(Outcome(status=500), settings=none, attempts=5)) == 0.0


def test_a_409_is_a_refusal_only_without_settings() -> None:
    assert is_refusal(Outcome(status=409), None)
    assert not is_refusal(Outcome(status=409), SOCKUDO)
    assert not is_refusal(Outcome(fault=Fault.RESET), None)
    assert not is_refusal(Outcome(), None)
    assert not is_refusal(Outcome(status=204), None)
