"""What to do after one exchange: pure, so that every rule is a row of a test's table.

Without retry settings of the server the schedule is made for Pusher's receivers, which refuse what
is older than 300 s: full jitter, until 290 s after the webhook was made.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from sockq.workers.apps import RetrySettings
from sockq.workers.outcome import Outcome

FRESH_MS = 290_000
LEAST_MS = 60_000
MAX_DELAY_SECONDS = 60.0
MAX_RETRY_AFTER_SECONDS = 300.0
REFUSAL_TRIES = 3
REFUSAL_MS = 30_000

_TRY_LATER = frozenset({408, 425, 429})
_OBEYS_RETRY_AFTER = frozenset({429, 503})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONFLICT = 409
_GONE = 410
_PARKED_SECONDS = 1.0
_OUT_OF_ORDER = "endpoint is out of order"
_MAX_DOUBLINGS = 40


class Delivered(msgspec.Struct, frozen=True):
    """The endpoint took it."""


class TryAgain(msgspec.Struct, frozen=True):
    """Not yet: once more, ``delay_seconds`` from now."""

    delay_seconds: float


class Parked(msgspec.Struct, frozen=True):
    """Never sent, so nothing is charged: come again ``delay_seconds`` from now."""

    delay_seconds: float


class GiveUp(msgspec.Struct, frozen=True):
    """Never: dead-letter this target. ``reason`` is one line for a human, without credentials."""

    reason: str


Decision = Delivered | TryAgain | Parked | GiveUp


def is_refusal(outcome: Outcome, settings: RetrySettings | None) -> bool:
    """Whether an answer looks final (other 3xx, 4xx). A deploy makes short 404s: it may not be."""
    return (
        outcome.fault is None
        and outcome.status != 0
        and not outcome.delivered
        and not _may_pass(outcome.status, settings)
    )


def decide(
    outcome: Outcome,
    settings: RetrySettings | None,
    *,
    attempts: int,
    first_attempt_ms: int,
    job_time_ms: int,
    now_ms: int,
    chance: float,
    refusals: int | None = None,
    first_refusal_ms: int | None = None,
) -> Decision:
    """Decide about one target of a job.

    Args:
        outcome: How the exchange ended.
        settings: The server's own ``webhooks.retry`` when its file has one.
        attempts: Tries of this target, this one included; one that was parked is none.
        first_attempt_ms: When the first of them began, or was parked, unix milliseconds.
        job_time_ms: The payload's ``time_ms``. No job is younger than its first attempt, whatever
            this says: a producer's clock may be ahead, or count in other units.
        now_ms: Unix milliseconds.
        chance: A random number, 0 <= chance < 1.
        refusals: How many of the tries ended in an answer that looks final (``is_refusal``), this
            one included; None: all of them.
        first_refusal_ms: When the first of these came; None: ``first_attempt_ms``.
    """
    if outcome.delivered:
        return Delivered()
    made_ms = min(job_time_ms, first_attempt_ms)
    if outcome.fault is None and outcome.status == 0:
        return _park(outcome, settings, attempts, now_ms - first_attempt_ms, now_ms - made_ms)
    elapsed_ms = max(0, now_ms - first_attempt_ms)
    if is_refusal(outcome, settings):
        tries = attempts if refusals is None else refusals
        since = first_attempt_ms if first_refusal_ms is None else first_refusal_ms
        over = _forbids(settings, attempts, elapsed_ms) or now_ms - since >= REFUSAL_MS
        if over or tries >= REFUSAL_TRIES or outcome.status == _GONE:
            return GiveUp(_refused(outcome, attempts))
        return TryAgain(_between(1.0, 2.0, chance) * 4 ** max(tries - 1, 0))
    if settings is not None:
        return _by_settings(outcome, settings, attempts, elapsed_ms, chance)
    return _by_freshness(outcome, attempts, first_attempt_ms, made_ms, now_ms, chance)


def longest_delay_seconds(settings: RetrySettings | None) -> float:
    """No try is put off for longer than this."""
    own = MAX_DELAY_SECONDS if settings is None else settings.max_backoff_ms / 1000 * 1.2
    return max(own, MAX_RETRY_AFTER_SECONDS)


def _park(
    outcome: Outcome,
    settings: RetrySettings | None,
    attempts: int,
    elapsed_ms: int,
    job_age_ms: int,
) -> Decision:
    """Not sent, not charged; but what waits for an endpoint is not worth more than its time."""
    if settings is None:
        over = elapsed_ms > LEAST_MS and job_age_ms > FRESH_MS
    else:
        over = elapsed_ms > max(LEAST_MS, settings.max_elapsed_time_ms)
    if over:
        why = "the operator has disabled the endpoint" if outcome.disabled else _OUT_OF_ORDER
        seconds = round(elapsed_ms / 1000)
        return GiveUp(f"{why}: {_counted(attempts)}, held back for {seconds} s")
    return Parked(outcome.parked_seconds or _PARKED_SECONDS)


def _may_pass(status: int, settings: RetrySettings | None) -> bool:
    """Whether a status tells of a state that passes. 409 is one to Sockudo, not to us."""
    return (
        500 <= status < 600  # noqa: PLR2004 - the class of server errors
        or status in _TRY_LATER
        or (status == _CONFLICT and settings is not None)
    )


def _by_freshness(
    outcome: Outcome,
    attempts: int,
    first_attempt_ms: int,
    made_ms: int,
    now_ms: int,
    chance: float,
) -> Decision:
    left_ms = max(made_ms + FRESH_MS, first_attempt_ms + LEAST_MS) - now_ms
    if left_ms <= 0:
        return GiveUp(_exhausted(outcome, attempts, max(0, now_ms - first_attempt_ms)))
    longest = min(MAX_DELAY_SECONDS, 2.0 ** _doublings(attempts))
    # The last try comes at the very end of the time; Retry-After alone may lead beyond it, once.
    own = min(longest * chance, left_ms / 1000)
    return TryAgain(_at_least_retry_after(own, outcome, chance))


def _by_settings(
    outcome: Outcome, settings: RetrySettings, attempts: int, elapsed_ms: int, chance: float
) -> Decision:
    if not settings.enabled:
        return GiveUp(f"{_exhausted(outcome, attempts, elapsed_ms)} (retries are switched off)")
    own_ms = min(settings.max_backoff_ms, settings.initial_backoff_ms * 2 ** _doublings(attempts))
    own = own_ms / 1000 * _between(0.8, 1.2, chance)
    delay = _at_least_retry_after(own, outcome, chance)
    if (
        _forbids(settings, attempts, elapsed_ms)
        or elapsed_ms + delay * 1000 > settings.max_elapsed_time_ms
    ):
        return GiveUp(_exhausted(outcome, attempts, elapsed_ms))
    return TryAgain(delay)


def _forbids(settings: RetrySettings | None, attempts: int, elapsed_ms: int) -> bool:
    if settings is None:
        return False
    enough = settings.max_attempts is not None and attempts >= settings.max_attempts
    return not settings.enabled or enough or elapsed_ms > settings.max_elapsed_time_ms


def _doublings(attempts: int) -> int:
    return min(max(attempts - 1, 0), _MAX_DOUBLINGS)


def _between(low: float, high: float, chance: float) -> float:
    return low + (high - low) * chance


def _at_least_retry_after(own: float, outcome: Outcome, chance: float) -> float:
    asked = outcome.retry_after_seconds
    if asked is None or asked <= 0 or outcome.status not in _OBEYS_RETRY_AFTER:
        return own
    asked = min(asked, MAX_RETRY_AFTER_SECONDS)
    return max(own, min(_between(asked, 1.2 * asked, chance), MAX_RETRY_AFTER_SECONDS))


def _counted(attempts: int) -> str:
    return f"{attempts} attempt{'' if attempts == 1 else 's'}"


def _exhausted(outcome: Outcome, attempts: int, elapsed_ms: int) -> str:
    seconds = round(elapsed_ms / 1000)
    return f"gave up after {_counted(attempts)} in {seconds} s: {outcome.reason}"


def _refused(outcome: Outcome, attempts: int) -> str:
    if outcome.status == _GONE:
        return "endpoint answered 410 Gone"
    if outcome.status not in _REDIRECTS:
        return f"endpoint answered {outcome.status} ({_counted(attempts)})"
    where = _shown(outcome.detail)
    return f"redirect{where and f' to {where}'} is not followed (status {outcome.status})"


def _shown(location: str) -> str:
    """A redirect's target without credentials, query and fragment: they may be secret."""
    location = "".join(char for char in location.strip() if char.isprintable())
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an address that cannot be read"
    authority = parts.netloc.rpartition("@")[2]
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    root = f"//{authority}" if authority else ""
    return f"{scheme}{root}{parts.path}{'?…' if parts.query else ''}"
