"""What becomes of an attempt where the application says nothing of retries."""

from __future__ import annotations

import pytest
from support.retry_decisions import MADE_MS, SOCKUDO, TRANSIENT, after, delay

from sockq.workers.apps import RetrySettings
from sockq.workers.outcome import Outcome
from sockq.workers.retry import (
    Delivered,
    GiveUp,
    Parked,
    TryAgain,
    decide,
    is_refusal,
)

ALMOST_1 = 1 - 2**-53


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
@pytest.mark.parametrize("settings", [None, SOCKUDO, RetrySettings(enabled=False)])
def test_any_2xx_is_delivered(status: int, settings: RetrySettings | None) -> None:
    assert after(Outcome(status=status), settings=settings, attempts=99, at=999) == Delivered()


@pytest.mark.parametrize("settings", [None, SOCKUDO, RetrySettings(enabled=False)])
@pytest.mark.parametrize(("attempts", "at"), [(0, 0), (3, 100), (3, 280)])
def test_what_was_never_sent_is_parked(
    settings: RetrySettings | None, attempts: int, at: float
) -> None:
    outcome = Outcome(parked_seconds=12.5)
    assert after(outcome, settings=settings, attempts=attempts, at=at) == Parked(12.5)


@pytest.mark.parametrize("outcome", TRANSIENT)
@pytest.mark.parametrize(
    ("attempts", "longest"),
    [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (5000, 60)],
)
def test_what_may_pass_is_tried_again_with_full_jitter(
    outcome: Outcome, attempts: int, longest: float
) -> None:
    assert delay(after(outcome, attempts=attempts, chance=0.0)) == 0.0
    assert delay(after(outcome, attempts=attempts, chance=0.5)) == longest / 2
    assert 0.99 * longest < delay(after(outcome, attempts=attempts, chance=ALMOST_1)) <= longest


@pytest.mark.parametrize("outcome", TRANSIENT)
def test_until_290_seconds_after_it_was_made(outcome: Outcome) -> None:
    assert delay(after(outcome, attempts=9, at=289.0, chance=ALMOST_1)) == 1.0
    assert after(outcome, attempts=9, at=290.6) == GiveUp(
        f"gave up after 9 attempts in 291 s: {outcome.reason}"
    )


def test_at_least_60_seconds_after_the_first_attempt() -> None:
    """A job that waited long in the queue still gets its tries."""
    outcome = Outcome(status=503)
    assert delay(after(outcome, attempts=7, first_at=1000, at=1059, chance=0.5)) == 1.0
    assert after(outcome, attempts=1, first_at=1000, at=1060) == GiveUp(
        "gave up after 1 attempt in 60 s: status 503"
    )
    assert delay(after(outcome, attempts=7, first_at=250, at=300, chance=0.5)) == 10.0


def test_a_job_from_the_future_or_the_past_is_tried_as_well() -> None:
    """Clocks differ; a time_ms of 0 is as old as can be."""
    assert isinstance(after(Outcome(status=500), at=-5000, first_at=-5000), TryAgain)
    decision = decide(
        Outcome(status=500), None, attempts=1, first_attempt_ms=MADE_MS, job_time_ms=0,
        now_ms=MADE_MS + 10, chance=0.5,
    )  # fmt: skip
    assert decision == TryAgain(0.5)


@pytest.mark.parametrize("made_ms", [MADE_MS * 1000, MADE_MS + 86_400_000])
@pytest.mark.parametrize(
    "outcome", [Outcome(status=503), Outcome(parked_seconds=5.0, disabled=True)]
)
def test_a_time_ahead_of_the_first_attempt_is_not_believed(outcome: Outcome, made_ms: int) -> None:
    """Microseconds, or a producer's clock a day ahead: it still ends, as old as it is here."""

    def decision(seconds: int) -> object:
        return decide(
            outcome, None, attempts=5, first_attempt_ms=MADE_MS, job_time_ms=made_ms,
            now_ms=MADE_MS + seconds * 1000, chance=0.5,
        )  # fmt: skip

    assert isinstance(decision(289), TryAgain | Parked)
    assert isinstance(decision(291), GiveUp)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "attempts", "chance", "expected"),
    [
        (10.0, 1, 0.0, 10.0),
        (10.0, 1, 0.5, 11.0),
        (10.0, 1, 1.0, 12.0),
        (0.1, 7, 0.5, 30.0),  # never earlier than our own delay
        (0.0, 1, 0.5, 0.5),
        (-3.0, 1, 0.5, 0.5),
        (290.0, 1, 0.5, 300.0),
        (86_400.0, 1, 0.0, 300.0),
        (float("inf"), 1, 0.0, 300.0),
        (None, 1, 0.5, 0.5),
    ],
)
def test_retry_after_is_obeyed(
    status: int, asked: float | None, attempts: int, chance: float, expected: float
) -> None:
    outcome = Outcome(status=status, retry_after_seconds=asked)
    assert delay(after(outcome, attempts=attempts, chance=chance)) == pytest.approx(expected)


def test_retry_after_may_lead_beyond_the_end_once() -> None:
    outcome = Outcome(status=503, retry_after_seconds=120.0)
    assert delay(after(outcome, at=280, chance=0.0)) == 120.0
    assert isinstance(after(outcome, attempts=2, at=400), GiveUp)


@pytest.mark.parametrize("status", [500, 502, 408])
def test_retry_after_means_nothing_elsewhere(status: int) -> None:
    outcome = Outcome(status=status, retry_after_seconds=100.0)
    assert delay(after(outcome, chance=0.5)) == 0.5


REFUSALS = [300, 304, 400, 401, 403, 404, 405, 409, 413, 418, 422, 451, 499, 600, 700]


@pytest.mark.parametrize("status", REFUSALS)
def test_what_looks_final_gets_three_quick_tries(status: int) -> None:
    outcome = Outcome(status=status, detail="answer text", retry_after_seconds=99.0)
    assert is_refusal(outcome, None)
    assert delay(after(outcome, attempts=1, chance=0.0)) == 1.0
    assert delay(after(outcome, attempts=1, chance=1.0)) == 2.0
    assert delay(after(outcome, attempts=2, at=2, chance=0.0)) == 4.0
    assert delay(after(outcome, attempts=2, at=2, chance=1.0)) == 8.0
    assert after(outcome, attempts=3, at=10) == GiveUp(f"endpoint answered {status} (3 attempts)")
    assert after(outcome, attempts=2, at=30) == GiveUp(f"endpoint answered {status} (2 attempts)")


def test_refusals_are_counted_apart_from_what_passed() -> None:
    """A 404 after a minute of 503 is the first 404, not the tenth failure."""
    outcome = Outcome(status=404)
    first = after(outcome, attempts=8, at=70, refusals=1, first_refusal_at=70, chance=0.0)
    assert first == TryAgain(1.0)
    second = after(outcome, attempts=9, at=72, refusals=2, first_refusal_at=70, chance=0.0)
    assert second == TryAgain(4.0)
    third = after(outcome, attempts=10, at=78, refusals=3, first_refusal_at=70)
    assert third == GiveUp("endpoint answered 404 (10 attempts)")
    late = after(outcome, attempts=9, at=101, refusals=2, first_refusal_at=70)
    assert isinstance(late, GiveUp)


@pytest.mark.parametrize("settings", [None, SOCKUDO])
def test_410_is_final_at_once(settings: RetrySettings | None) -> None:
    assert after(Outcome(status=410), settings=settings) == GiveUp("endpoint answered 410 Gone")


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://other/", " to https://other/"),
        ("https://user:hunter2@other:8443/a?token=hunter2#x", " to https://other:8443/a?…"),
        ("//user:hunter2@other/a", " to //other/a"),
        ("/to", " to /to"),
        ("/to?key=hunter2", " to /to?…"),
        ("https://other/\x1b[31m\r\n", " to https://other/[31m"),
        ("http://[", " to an address that cannot be read"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_name_where_to_without_secrets(status: int, location: str, shown: str) -> None:
    outcome = Outcome(status=status, detail=location)
    assert isinstance(after(outcome, attempts=1), TryAgain)
    assert after(outcome, attempts=3, at=9) == GiveUp(
        f"redirect{shown} is not followed (status {status})"
    )


@pytest.mark.parametrize(
    ("disabled", "why"),
    [
        (False, "endpoint is out of order"),
        (True, "the operator has disabled the endpoint"),
    ],
)
@pytest.mark.parametrize(
    ("settings", "waited_s", "age_s", "gives_up"),
    [
        (None, 0, 400, False),  # stale when it came: still held for a while
        (None, 61, 291, True),
        (None, 61, 120, False),
        (None, 59, 291, False),
        (RetrySettings(max_elapsed_time_ms=120_000), 119, 900, False),
        (RetrySettings(max_elapsed_time_ms=120_000), 121, 121, True),
    ],
)
def test_what_is_held_back_outlives_its_time_by_nothing(
    settings: RetrySettings | None,
    waited_s: int,
    age_s: int,
    gives_up: bool,
    disabled: bool,
    why: str,
) -> None:
    now = 1_700_000_000_000
    decision = decide(
        Outcome(parked_seconds=5.0, disabled=disabled),
        settings,
        attempts=2,
        first_attempt_ms=now - waited_s * 1000,
        job_time_ms=now - age_s * 1000,
        now_ms=now,
        chance=0.5,
    )
    if gives_up:
        assert decision == GiveUp(f"{why}: 2 attempts, held back for {waited_s} s")
    else:
        assert decision == Parked(5.0)
