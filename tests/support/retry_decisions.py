"""Decide about attempts of one webhook; times are seconds after it was made."""

from __future__ import annotations

from sockq.workers.apps import RetrySettings
from sockq.workers.outcome import Fault, Outcome
from sockq.workers.retry import Decision, TryAgain, decide

MADE_MS = 1_700_000_000_000
SOCKUDO = RetrySettings()
#: Outcomes that may pass.
TRANSIENT = [Outcome(status=status) for status in (408, 425, 429, 500, 502, 503, 504, 599)]
TRANSIENT += [Outcome(fault=fault) for fault in Fault]


def after(
    outcome: Outcome,
    *,
    attempts: int = 1,
    at: float = 0.0,
    first_at: float = 0.0,
    chance: float = 0.5,
    settings: RetrySettings | None = None,
    refusals: int | None = None,
    first_refusal_at: float | None = None,
) -> Decision:
    """Decide; times are seconds after the webhook was made."""
    return decide(
        outcome,
        settings,
        attempts=attempts,
        first_attempt_ms=MADE_MS + round(first_at * 1000),
        job_time_ms=MADE_MS,
        now_ms=MADE_MS + round(at * 1000),
        chance=chance,
        refusals=refusals,
        first_refusal_ms=None
        if first_refusal_at is None
        else MADE_MS + round(first_refusal_at * 1000),
    )


def delay(decision: Decision) -> float:
    """The seconds until the next try, which there must be."""
    assert isinstance(decision, TryAgain), decision
    return decision.delay_seconds
