"""What a lane allows after what happened to it; no sockets, no clock."""

from __future__ import annotations

import pytest

from sockq.workers.endpoint_state import EndpointState
from sockq.workers.lane import HOLD, Lane
from sockq.workers.outcome import Fault, Outcome

EVEN = 0.5
OK = Outcome(status=200)
DOWN = Outcome(fault=Fault.CONNECT)


def _lane(cap: int = 16) -> Lane[int]:
    return Lane(cap)


def _end(lane: Lane[int], outcome: Outcome, now: float = 0.0, times: int = 1) -> None:
    for _ in range(times):
        lane.ended(outcome, now, EVEN)


@pytest.mark.parametrize(
    ("outcome", "opens"),
    [
        *((Outcome(fault=fault), True) for fault in Fault),
        *((Outcome(status=status), True) for status in (500, 503, 599, 408, 425)),
        *((Outcome(status=status), False) for status in (200, 204, 302, 400, 404, 410, 429)),
    ],
)
def test_what_counts_against_an_endpoint(*, outcome: Outcome, opens: bool) -> None:
    lane = _lane()
    _end(lane, outcome, times=50)
    assert (lane.breaker.state is EndpointState.OPEN) is opens


def test_client_errors_neither_open_nor_close() -> None:
    lane = _lane()
    for _ in range(2):
        _end(lane, DOWN, times=2)
        _end(lane, Outcome(status=404))
    assert lane.limit == 16
    _end(lane, DOWN)
    assert lane.limit == 0
    assert lane.shut_seconds(10.0) == 0.0
    _end(lane, Outcome(status=404), 10.0, times=10)
    assert (lane.breaker.state, lane.limit) == (EndpointState.HALF_OPEN, 1)


def test_open_lets_nothing_through_then_one_then_slowly_all() -> None:
    lane = _lane(cap=4)
    _end(lane, DOWN, times=5)
    assert (lane.limit, lane.calm, lane.shut_seconds(4.0)) == (0, False, 6.0)
    assert (lane.shut_seconds(10.0), lane.limit) == (0.0, 1)
    limits = []
    for now in range(10, 16):
        _end(lane, OK, now)
        limits.append(lane.limit)
    assert limits == [1, 2, 3, 4, 4, 4]
    assert lane.calm


def test_a_failed_probe_shuts_it_again() -> None:
    lane = _lane()
    _end(lane, DOWN, times=5)
    lane.shut_seconds(10.0)
    _end(lane, OK, 10.0)
    _end(lane, DOWN, 11.0)
    assert (lane.limit, lane.shut_seconds(11.0)) == (0, 20.0)


def test_a_cap_of_one_recovers_too() -> None:
    lane = _lane(cap=1)
    _end(lane, DOWN, times=5)
    lane.shut_seconds(10.0)
    _end(lane, OK, 10.0, times=2)
    assert (lane.limit, lane.calm) == (1, True)


@pytest.mark.parametrize(("retry_after", "seconds"), [(7.0, 7.0), (0.0, 0.0), (9e9, 300.0)])
def test_too_many_requests_pauses_for_retry_after(retry_after: float, seconds: float) -> None:
    lane = _lane()
    _end(lane, Outcome(status=429, retry_after_seconds=retry_after), 50.0)
    assert lane.shut_seconds(50.0) == seconds
    assert lane.breaker.state is EndpointState.CLOSED
    assert lane.shut_seconds(50.0 + seconds) == 0.0
    assert lane.limit >= 1


def test_too_many_requests_without_retry_after_pauses_ever_longer() -> None:
    lane = _lane()
    now, pauses = 0.0, []
    for _ in range(7):
        _end(lane, Outcome(status=429), now, times=16)
        pauses.append(lane.shut_seconds(now) / (1 + EVEN / 2))
        now += lane.shut_seconds(now)
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 30, 30])
    _end(lane, OK, now)
    _end(lane, Outcome(status=429), now)
    assert lane.shut_seconds(now) == pytest.approx(1 + EVEN / 2)


def test_a_short_pause_does_not_cut_a_long_one() -> None:
    lane = _lane()
    _end(lane, Outcome(status=429, retry_after_seconds=60.0))
    _end(lane, Outcome(status=429, retry_after_seconds=1.0))
    assert lane.shut_seconds(0.0) == 60.0


def test_success_during_a_pause_does_not_end_it() -> None:
    lane = _lane()
    _end(lane, Outcome(status=429, retry_after_seconds=60.0))
    _end(lane, OK, 1.0, times=30)
    assert (lane.limit, lane.shut_seconds(1.0)) == (0, 59.0)


def test_parked_until_it_opens_and_spread_afterwards() -> None:
    lane = _lane()
    _end(lane, DOWN, times=5)
    assert lane.park_seconds(0.0, 0.0) == 10.0
    assert lane.park_seconds(0.0, 0.999) == pytest.approx(16.0, abs=0.01)


def test_a_lane_without_progress_is_stalled_and_parks_what_it_cannot_hold() -> None:
    lane = _lane()
    lane.waiting.extend(range(100))
    assert [lane.watch(0.3) for _ in range(5)] == [0, 0, 0, 84, 84]
    assert not lane.may_wait()
    assert lane.park_seconds(0.0, EVEN) == 1.5
    for _ in range(100):
        lane.watch(0.3)
    assert lane.park_seconds(0.0, 0.0) == 10.0


def test_a_stalled_lane_still_holds_a_few() -> None:
    lane = _lane()
    lane.waiting.extend(range(HOLD))
    lane.watch(2.0)
    assert (lane.stalled, lane.may_wait()) == (True, False)
    lane.waiting.pop()
    assert lane.may_wait()


def test_one_end_is_progress() -> None:
    lane = _lane()
    lane.waiting.extend(range(1000))
    for _ in range(50):
        assert lane.watch(0.9) == 0
        assert lane.may_wait()
        _end(lane, OK)
        assert lane.watch(0.04) == 0


@pytest.mark.parametrize(("chance", "least", "most"), [(0.0, 1.0, 1.0), (1.0, 1.25, 1.26)])
def test_first_parking_is_short_and_jittered(chance: float, least: float, most: float) -> None:
    assert least <= _lane().park_seconds(0.0, chance) <= most


def test_while_half_open_few_may_wait() -> None:
    lane = _lane()
    _end(lane, DOWN, times=5)
    lane.shut_seconds(10.0)
    lane.waiting.extend(range(HOLD - 1))
    assert lane.may_wait()
    lane.waiting.append(1)
    assert not lane.may_wait()


@pytest.mark.parametrize(
    ("so_far", "chance", "seconds"),
    [
        (0.0, 0.0, 5.0),
        (4.0, 0.0, 5.0),
        (12.0, 0.0, 12.0),
        (30.0, 0.0, 30.0),
        (9e6, 0.0, 30.0),
        (0.0, 1.0, 8.5),
        (9e6, 1.0, 40.0),
    ],
)
def test_a_disabled_lane_is_shut_and_asked_again_within_a_bound(
    so_far: float, chance: float, seconds: float
) -> None:
    lane = Lane[int](16, "app/1")
    lane.obey({"app/2": 0.0}, 100.0)
    assert (lane.shut_seconds(100.0), lane.limit, lane.calm) == (0.0, 16, True)
    lane.obey({"app/1": 100.0}, 100.0)
    assert (lane.limit, lane.calm, lane.clean(200.0)) == (0, False, False)
    parked = lane.parked(100.0 + so_far, chance)
    assert (parked.disabled, parked.parked_seconds) == (True, seconds)


def test_nothing_opens_a_disabled_lane_but_the_operator() -> None:
    lane = Lane[int](4, "app/1")
    _end(lane, DOWN, times=5)
    lane.obey({"app/1": 1.0}, 1.0)
    assert lane.shut_seconds(11.0) == 10.0, "the breaker's time is over, but none is let through"
    _end(lane, OK, 12.0, times=9)
    assert (lane.limit, lane.shut_seconds(500.0)) == (0, 30.0)
    _end(lane, DOWN, 500.0, times=9)
    lane.obey({}, 501.0)
    assert (lane.shut_seconds(501.0), lane.limit) == (0.0, 1)
    limits = []
    for now in range(502, 506):
        _end(lane, OK, now)
        limits.append(lane.limit)
    assert limits == [2, 3, 4, 4], "slowly, as after a breaker"
    assert lane.calm
    assert not lane.parked(506.0, EVEN).disabled


def test_a_pause_that_the_endpoint_asked_for_outlasts_being_disabled() -> None:
    lane = Lane[int](4, "app/1")
    lane.obey({"app/1": 0.0}, 0.0)
    _end(lane, Outcome(status=429, retry_after_seconds=60.0))
    lane.obey({}, 20.0)
    assert (lane.limit, lane.shut_seconds(20.0)) == (0, 40.0)


def test_clean_lanes_may_be_forgotten() -> None:
    lane = _lane()
    assert lane.clean(0.0)
    lane.busy = 1
    assert not lane.clean(0.0)
    lane.busy = 0
    _end(lane, Outcome(status=429, retry_after_seconds=10.0))
    assert not lane.clean(9.0)
    assert lane.clean(10.0)
    _end(lane, DOWN, 11.0)
    assert not lane.clean(11.0)
