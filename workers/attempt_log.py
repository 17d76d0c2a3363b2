"""The attempt log: one line for each request that failed, and for a sample of those that did not.

On a terminal, where a human reads along, an endpoint that fails says so once in a while only, and
the rest is counted.
"""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec

from sockq.workers.logs import Event, Log
from sockq.workers.outcome import Outcome
from sockq.workers.outcome_classes import class_of
from sockq.workers.retry import Decision, TryAgain

#: On a terminal: an endpoint that fails says so at most once in this many seconds.
QUIET_SECONDS: Final = 10.0
_MAX_ENDPOINTS: Final = 1000


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One request that has ended.

    Attributes:
        job: Id of the job.
        delivery: What the receiver tells repetitions by.
        app: Id of its app.
        queue: Name of the source.
        endpoint: Where it went, safe to show.
        number: Which try of this target it was, from 1.
        age_ms: How old the webhook was when the request ended.
        bytes_out: Size of the body.
        outcome: How it ended.
    """

    job: str
    delivery: str
    app: str
    queue: str
    endpoint: str
    number: int
    age_ms: int
    bytes_out: int
    outcome: Outcome


class AttemptLog:
    """Of one worker process.

    Attributes:
        share: Of the successes, how many are told: 0 to 1. The sender draws the lot.
    """

    def __init__(self, log: Log, share: float) -> None:
        self._log = log
        self._quiet: dict[str, tuple[float, int]] = {}
        self.share = share

    def failed(self, attempt: Attempt, decision: Decision) -> None:
        """A request did not succeed; ``decision`` says what comes of it."""
        unsaid = 0
        if self._log.readable:
            now = time.monotonic()
            until, unsaid = self._quiet.get(attempt.endpoint, (0.0, 0))
            if now < until:
                self._quiet[attempt.endpoint] = (until, unsaid + 1)
                return
            if len(self._quiet) >= _MAX_ENDPOINTS:
                self._quiet.clear()
            self._quiet[attempt.endpoint] = (now + QUIET_SECONDS, 0)
        outcome = attempt.outcome
        self._log.warning(
            Event.ATTEMPT_FAILED,
            **_told(attempt),
            reason=outcome.reason,
            detail=outcome.detail or None,
            retry_after_seconds=outcome.retry_after_seconds,
            retry_in_ms=_ms(decision.delay_seconds) if isinstance(decision, TryAgain) else None,
            not_logged_before=unsaid or None,
        )

    def delivered(self, attempt: Attempt) -> None:
        """A request succeeded, and its lot was drawn."""
        self._log.info(Event.ATTEMPT_DELIVERED, **_told(attempt))


def _told(attempt: Attempt) -> dict[str, Any]:
    outcome = attempt.outcome
    return {
        "job": attempt.job,
        "delivery": attempt.delivery,
        "app": attempt.app,
        "queue": attempt.queue,
        "endpoint": attempt.endpoint,
        "attempt": attempt.number,
        "age_ms": attempt.age_ms,
        "outcome": class_of(outcome),
        "status": outcome.status or None,
        "ms": _ms(outcome.elapsed_seconds),
        "bytes_out": attempt.bytes_out,
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
