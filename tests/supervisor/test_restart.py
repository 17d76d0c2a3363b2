"""Causes, delays and the breaker."""

from __future__ import annotations

import signal

import pytest

from sockq.supervisor.restart import (
    COUNTED,
    Backoff,
    Breaker,
    BreakerState,
    Cause,
    Exit,
    RestartSettings,
    classify,
)
from sockq.supervisor.shutdown import Shutdown
from sockq.workers import deaths

RULES = RestartSettings()


@pytest.mark.parametrize(
    ("end", "facts", "cause"),
    [
        (Exit(code=0), {"stopping": True}, Cause.EXPECTED),
        (Exit(code=1), {"stopping": True}, Cause.DRAIN_CUT),
        (Exit(signal=signal.SIGTERM), {"stopping": True}, Cause.EXPECTED),
        (Exit(signal=signal.SIGKILL), {"stopping": True, "late": True}, Cause.DRAIN_CUT),
        (Exit(signal=signal.SIGKILL), {"stopping": True}, Cause.CRASH),
        (Exit(signal=signal.SIGKILL), {"hung": True}, Cause.HUNG),
        (Exit(signal=signal.SIGALRM), {"was_ready": True}, Cause.HUNG),
        (Exit(signal=signal.SIGALRM), {"stopping": True}, Cause.HUNG),
        (Exit(code=86), {"was_ready": True}, Cause.RECYCLED),
        (Exit(code=75), {}, Cause.TEMPFAIL),
        (Exit(code=78), {}, Cause.CONFIG),
        (Exit(code=64), {}, Cause.CONFIG),
        (Exit(code=0), {"was_ready": True}, Cause.STOPPED),
        (Exit(code=0), {}, Cause.CRASH),
        (Exit(signal=signal.SIGTERM), {}, Cause.STOPPED),
        (Exit(code=3), {"was_ready": True}, Cause.CRASH),
        (Exit(signal=signal.SIGSEGV), {"was_ready": True}, Cause.CRASH),
        (Exit(signal=signal.SIGKILL), {"oom": True}, Cause.OOM),
        (Exit(signal=signal.SIGSEGV), {"oom": True}, Cause.CRASH),
    ],
)
def test_the_cause_of_an_end(end: Exit, facts: dict[str, bool], cause: Cause) -> None:
    known = {"stopping": False, "hung": False, "late": False, "was_ready": False} | facts
    assert classify(end, **known) is cause


def test_a_dead_letter_has_words_for_causes_that_the_parent_names() -> None:
    assert Cause.KILLED.label == deaths.KILLED
    assert Cause.OOM.label == deaths.OOM
    assert Cause.HUNG.label == deaths.HUNG


@pytest.mark.parametrize("end", [Exit(code=0), Exit(code=86), Exit(signal=9), Exit(code=255)])
def test_an_exit_survives_the_board(end: Exit) -> None:
    assert Exit.from_word(end.word) == end


def test_wait_statuses() -> None:
    assert Exit.from_wait_status(3 << 8) == Exit(code=3)
    assert str(Exit.from_wait_status(9)) == "SIGKILL"
    assert str(Exit.from_wait_status(139)) == "SIGSEGV"


def delays(backoff: Backoff, cause: Cause, count: int, ready: float = 1.0) -> list[float]:
    return [
        backoff.delay(cause, lived_seconds=ready, ready_seconds=ready, progress=True)
        for _ in range(count)
    ]


def test_the_first_crash_after_ready_restarts_at_once_then_delays_double_to_the_cap() -> None:
    assert delays(Backoff(RULES, lambda: 1.0), Cause.CRASH, 9) == [0, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_crash_before_ready_is_delayed_from_the_first() -> None:
    assert delays(Backoff(RULES, lambda: 1.0), Cause.CRASH, 3, ready=0.0) == [0.5, 1, 2]


def test_jitter_takes_away_at_most_half() -> None:
    assert delays(Backoff(RULES, lambda: 0.0), Cause.CRASH, 4) == [0, 0.5, 1, 2]


def test_a_minute_of_work_forgets_earlier_crashes_but_only_with_progress() -> None:
    backoff = Backoff(RULES, lambda: 1.0)
    delays(backoff, Cause.CRASH, 5)
    idle = backoff.delay(Cause.CRASH, lived_seconds=90, ready_seconds=90, progress=False)
    assert idle == 16
    again = backoff.delay(Cause.CRASH, lived_seconds=90, ready_seconds=90, progress=True)
    assert again == 0


def test_planned_ends_restart_at_once_and_never_count() -> None:
    backoff = Backoff(RULES, lambda: 1.0)
    assert delays(backoff, Cause.RECYCLED, 3) == [0, 0, 0]
    assert delays(backoff, Cause.STOPPED, 3) == [0, 0, 0]
    assert backoff.crashes == 0


def test_planned_ends_cannot_spin() -> None:
    assert delays(Backoff(RULES, lambda: 1.0), Cause.RECYCLED, 2, ready=0.0) == [0.5, 0.5]


def test_temporary_failures_wait_flat() -> None:
    assert delays(Backoff(RULES, lambda: 0.5), Cause.TEMPFAIL, 3) == [3.5, 3.5, 3.5]


@pytest.mark.parametrize(("target", "limit"), [(1, 5), (2, 5), (3, 6), (8, 16)])
def test_the_breaker_opens_at_its_number_of_crashes(target: int, limit: int) -> None:
    breaker = Breaker(RULES)
    opened = [breaker.crashed(n * 0.1, n % target, target) for n in range(limit)]
    assert opened == [False] * (limit - 1) + [True]


def test_all_workers_at_once_do_not_open_it() -> None:
    breaker = Breaker(RULES)
    assert not any(breaker.crashed(10.0, slot, 8) for slot in range(8))


def test_old_crashes_and_successes_do_not_count() -> None:
    breaker = Breaker(RULES)
    for n in range(30):
        assert not breaker.crashed(n * 20.0, 0, 2)
    for n in range(30):
        assert not breaker.crashed(700.0 + n, 0, 2)
        if n % 3 == 2:
            breaker.succeeded(0, waiting=0)


def opened(target: int) -> Breaker:
    breaker = Breaker(RULES)
    while not breaker.crashed(100.0, 0, target):
        pass
    return breaker


def test_one_canary_at_a_time_and_only_when_it_is_due() -> None:
    breaker = opened(4)
    assert breaker.start_at(101, 2) == 130
    assert breaker.start_at(130, 2) == 130
    assert breaker.start_at(130, 3) > 130
    breaker.crashed(131, 2, 4)
    assert breaker.start_at(132, 2) == 161
    assert breaker.start_at(161, 3) == 161


def test_half_open_lets_one_two_four_start_then_closes() -> None:
    breaker = opened(8)

    def start(now: float) -> set[int]:
        return {slot for slot in range(8) if breaker.start_at(now, slot) <= now}

    assert start(130) == {0}
    assert not breaker.succeeded(0, waiting=7)
    assert breaker.state is BreakerState.HALF_OPEN
    assert start(140) == {0, 1}
    assert not breaker.succeeded(1, waiting=6)
    assert start(150) == {0, 1, 2, 3}
    assert not breaker.succeeded(2, waiting=4)
    assert breaker.succeeded(3, waiting=4)
    assert breaker.state is BreakerState.CLOSED
    assert start(160) == set(range(8))


def test_a_crash_on_trial_opens_it_again() -> None:
    breaker = opened(4)
    breaker.start_at(130, 0)
    breaker.succeeded(0, waiting=3)
    breaker.start_at(141, 1)
    assert not breaker.crashed(142, 1, 4)
    assert breaker.state is BreakerState.OPEN
    assert breaker.start_at(143, 1) == 172


def test_a_single_worker_closes_it_by_itself() -> None:
    breaker = opened(1)
    breaker.start_at(130, 0)
    assert breaker.succeeded(0, waiting=0)


def test_a_stop_within_a_second_is_the_same_stop() -> None:
    stop = Shutdown(25.0)
    assert stop.ask(100.0)
    assert [stop.ask(100.0 + n / 1000) for n in range(1, 1000)] == [False] * 999
    assert (stop.deadline, stop.requests) == (125.0, 1)


def test_later_stops_only_shorten() -> None:
    stop = Shutdown(25.0)
    stop.ask(100.0)
    assert stop.ask(102.0)
    assert stop.deadline == 107.0
    assert stop.ask(104.0)
    assert stop.deadline == 104.0


def test_a_freeze_does_not_count_as_time_to_stop() -> None:
    stop = Shutdown(25.0)
    stop.slept(10.0)
    stop.ask(100.0)
    stop.slept(60.0)
    assert stop.deadline == 185.0
    assert not stop.ask(160.5), "the same request, half a second after the first one"


def test_a_second_stop_never_lengthens() -> None:
    stop = Shutdown(3.0)
    stop.ask(100.0)
    assert not stop.ask(102.0)
    assert stop.deadline == 103.0


def test_at_once_means_now_even_within_the_same_second() -> None:
    stop = Shutdown(25.0)
    stop.ask(100.0)
    assert stop.ask(100.1, at_once=True)
    assert stop.deadline == 100.1


def test_it_closes_when_nobody_else_waits_for_a_start() -> None:
    breaker = opened(4)
    breaker.start_at(130, 2)
    assert breaker.succeeded(2, waiting=0)
    assert breaker.start_at(141, 3) == 141


def test_it_closes_when_the_last_unproven_slot_on_trial_is_scaled_away() -> None:
    breaker = opened(4)
    assert not breaker.settle(unproven=4)
    breaker.start_at(130, 0)
    breaker.succeeded(0, waiting=3)
    breaker.start_at(140, 1)
    assert not breaker.settle(unproven=1)
    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.settle(unproven=0), "the one on trial is not proven"
    breaker.forget(1)
    assert breaker.settle(unproven=0)
    assert breaker.state is BreakerState.CLOSED
    assert not breaker.settle(unproven=0), "it is closed already"


def test_it_closes_when_all_that_are_still_wanted_stay_up() -> None:
    breaker = opened(2)
    breaker.forget(1)
    assert not breaker.succeeded(0, waiting=0), "it was never on trial"
    assert breaker.state is BreakerState.OPEN
    assert breaker.settle(unproven=0)
    assert breaker.start_at(101, 3) == 101


def test_a_worker_killed_from_outside_is_always_back_within_a_second() -> None:
    """Twenty kills in a row: nothing is wrong with the code, so no brake grows."""
    backoff = Backoff(RestartSettings(), lambda: 1.0)
    delays = [
        backoff.delay(Cause.KILLED, lived_seconds=0.1, ready_seconds=0.05, progress=False)
        for _ in range(20)
    ]
    assert delays[0] == 0.0
    assert max(delays) == 1.0
    assert Cause.KILLED not in COUNTED


def test_kills_from_outside_lengthen_no_delay_of_a_crash() -> None:
    """Nor does a crash now and then, among kills of workers that worked, add up to long delays."""
    backoff = Backoff(RestartSettings(), lambda: 1.0)
    seen = []
    for _ in range(20):
        for _ in range(5):
            backoff.delay(Cause.KILLED, lived_seconds=4.0, ready_seconds=3.9, progress=True)
        seen.append(
            backoff.delay(Cause.CRASH, lived_seconds=0.01, ready_seconds=0.0, progress=False)
        )
    assert seen == [0.5] * 20


def test_sigkill_before_ready_is_a_crash() -> None:
    end = Exit(signal=signal.SIGKILL)
    assert classify(end, stopping=False, hung=False, late=False, was_ready=True) is Cause.KILLED
    assert classify(end, stopping=False, hung=False, late=False, was_ready=False) is Cause.CRASH
