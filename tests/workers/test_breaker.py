"""When a lane's breaker opens, for how long, and what closes it."""

from __future__ import annotations

import pytest

from sockq.workers.breaker import Breaker
from sockq.workers.endpoint_state import EndpointState

EVEN = 0.5  # the chance that means no jitter


def _fail(breaker: Breaker, now: float, times: int = 5) -> None:
    for _ in range(times):
        breaker.failure(now, EVEN)


def test_it_opens_at_five_failures_in_a_row() -> None:
    breaker = Breaker()
    _fail(breaker, 100.0, 4)
    breaker.success(100.0)
    _fail(breaker, 100.0, 4)
    assert breaker.wait_seconds(100.0) == 0.0
    _fail(breaker, 100.0, 1)
    assert breaker.state is EndpointState.OPEN
    assert breaker.wait_seconds(100.0) == 10.0


def test_one_event_may_count_for_several_requests() -> None:
    breaker = Breaker()
    breaker.failure(0.0, EVEN, 5)
    assert breaker.state is EndpointState.OPEN


@pytest.mark.parametrize(("failures", "opens"), [(9, False), (10, True)])
def test_it_opens_at_half_failed_of_twenty(*, failures: int, opens: bool) -> None:
    breaker = Breaker()
    for number in range(20):
        if number >= 20 - 2 * failures and number % 2:
            breaker.failure(number, EVEN)
        else:
            breaker.success(number)
    assert (breaker.state is EndpointState.OPEN) is opens


def test_failures_older_than_the_window_do_not_count() -> None:
    breaker = Breaker()
    for number in range(18):
        breaker.success(number * 0.1) if number % 2 else breaker.failure(number * 0.1, EVEN)
    for number in range(6):
        breaker.success(75.0)
        breaker.failure(75.0 + number, EVEN)
    assert breaker.state is EndpointState.CLOSED


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 8.0), (0.5, 10.0), (0.999, 12.0)])
def test_jitter_is_a_fifth(chance: float, seconds: float) -> None:
    breaker = Breaker()
    breaker.failure(0.0, chance, 5)
    assert breaker.wait_seconds(0.0) == pytest.approx(seconds, abs=0.01)


def test_it_stays_open_longer_each_time_its_probe_fails() -> None:
    breaker = Breaker()
    _fail(breaker, 0.0)
    now, waits = 0.0, []
    for _ in range(8):
        waits.append(breaker.wait_seconds(now))
        now += waits[-1]
        assert breaker.wait_seconds(now - 0.001) > 0
        assert breaker.wait_seconds(now) == 0.0
        breaker.failure(now, EVEN)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_two_successes_close_it() -> None:
    breaker = Breaker()
    _fail(breaker, 0.0)
    breaker.wait_seconds(10.0)
    states = [breaker.state]
    for _ in range(2):
        breaker.success(10.0)
        states.append(breaker.state)
    assert states == [EndpointState.HALF_OPEN, EndpointState.HALF_OPEN, EndpointState.CLOSED]


@pytest.mark.parametrize(("held", "seconds"), [(5.0, 20.0), (61.0, 10.0)])
def test_a_relapse_is_punished_only_if_it_comes_soon(held: float, seconds: float) -> None:
    breaker = Breaker()
    _fail(breaker, 0.0)
    breaker.wait_seconds(10.0)
    breaker.success(10.0)
    breaker.success(10.0)
    _fail(breaker, 10.0 + held)
    assert breaker.wait_seconds(10.0 + held) == seconds


def test_late_results_of_earlier_exchanges_do_not_prolong_it() -> None:
    breaker = Breaker()
    _fail(breaker, 0.0)
    _fail(breaker, 5.0)
    assert breaker.wait_seconds(5.0) == 5.0
    breaker.success(5.0)
    assert breaker.state is EndpointState.OPEN


def test_it_is_clean_when_nothing_failed_within_the_window() -> None:
    breaker = Breaker()
    assert breaker.clean(0.0)
    breaker.success(1.0)
    assert breaker.clean(1.0)
    breaker.failure(2.0, EVEN)
    assert not breaker.clean(2.0)
    breaker.success(3.0)
    assert not breaker.clean(30.0)
    assert breaker.clean(200.0)
    _fail(breaker, 200.0)
    assert not breaker.clean(2000.0)
