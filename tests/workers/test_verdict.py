"""From the results of a job's targets to its one settlement."""

from __future__ import annotations

import pytest

from sockq.drivers.job import Ack, Dead, Lease, Release, Retry, Settlement
from sockq.workers.retry import Delivered, GiveUp, Parked, TryAgain
from sockq.workers.target_state import JobState, TargetState, decode, encode
from sockq.workers.verdict import NotDue, TargetResult, Unsent, conclude, unknown_app

NOW_MS = 1_700_000_000_000
LEASE = Lease(id="j1", payload=b"{}", attempt=1, receipt="r1", owner="w0")

OK = TargetResult(Delivered(), None)
AGAIN_2S = TargetResult(TryAgain(2.0), TargetState(attempts=1, first_attempt_ms=NOW_MS))
AGAIN_9S = TargetResult(TryAgain(9.0), TargetState(attempts=4, first_attempt_ms=NOW_MS))
GONE = TargetResult(GiveUp("endpoint answered 410 Gone"), TargetState(attempts=1))
PARKED_5S = TargetResult(Parked(5.0), TargetState(attempts=3, first_attempt_ms=NOW_MS))
NOT_DUE = TargetResult(NotDue(1.0), TargetState(attempts=3, first_attempt_ms=NOW_MS))
UNSENT = TargetResult(Unsent(), None)


def settle(before: JobState | None = None, /, **results: TargetResult) -> Settlement:
    return conclude(LEASE, before, results, NOW_MS)


def test_everything_delivered_is_acknowledged() -> None:
    assert settle(a=OK, b=OK) == Ack(LEASE)


def test_a_failed_target_alone_is_owed_by_the_retry() -> None:
    """The target that got it must not get it twice."""
    settlement = settle(a=OK, b=AGAIN_2S)
    assert isinstance(settlement, Retry)
    assert settlement.delay_seconds == 2.0
    state = decode(settlement.state)
    assert state.owed == {"b"}
    assert state.targets["b"].due_ms == NOW_MS + 2000
    assert state.targets["b"].attempts == 1


def test_the_earliest_target_brings_the_job_back() -> None:
    settlement = settle(a=AGAIN_9S, b=AGAIN_2S)
    assert isinstance(settlement, Retry)
    assert settlement.delay_seconds == 2.0
    assert decode(settlement.state).targets["a"].due_ms == NOW_MS + 9000


def test_a_target_given_up_ends_the_job_when_nothing_else_is_owed() -> None:
    settlement = settle(a=OK, b=GONE)
    assert isinstance(settlement, Dead)
    assert settlement.reason == "endpoint answered 410 Gone"
    assert decode(settlement.state).owed == {"b"}, "a replay owes the failed target alone"


def test_a_target_given_up_waits_for_the_others_before_it_ends_the_job() -> None:
    first = settle(a=GONE, b=AGAIN_2S)
    assert isinstance(first, Retry)
    last = settle(decode(first.state), b=OK)
    assert isinstance(last, Dead)
    assert last.reason == "endpoint answered 410 Gone"
    assert decode(last.state).owed == {"a"}


def test_several_failed_targets_are_all_named() -> None:
    other = TargetResult(GiveUp("endpoint answered 404 (3 attempts)"), None)
    settlement = settle(a=GONE, b=other)
    assert isinstance(settlement, Dead)
    assert settlement.reason == (
        "2 targets failed: endpoint answered 410 Gone; endpoint answered 404 (3 attempts)"
    )


@pytest.mark.parametrize("result", [NOT_DUE, UNSENT])
def test_what_was_never_sent_goes_back_uncharged_and_unchanged(result: TargetResult) -> None:
    settlement = settle(a=result, b=result)
    assert isinstance(settlement, Release)
    assert settlement.state is None


def test_parked_beside_delivered_owes_only_the_parked_one() -> None:
    settlement = settle(a=OK, b=PARKED_5S)
    assert isinstance(settlement, Release)
    assert settlement.delay_seconds == 5.0
    assert decode(settlement.state or b"").owed == {"b"}
    assert decode(settlement.state or b"").targets["b"].attempts == 3


def test_an_unknown_app_is_waited_for_then_dead_lettered() -> None:
    first = unknown_app(LEASE, "nobody", 5.0, NOW_MS)
    assert isinstance(first, Release)
    assert first.delay_seconds == 1.0
    again = Lease(
        id="j1", payload=b"{}", attempt=1, receipt="r2", owner="w0", state=first.state or b""
    )
    assert isinstance(unknown_app(again, "nobody", 5.0, NOW_MS + 4_900), Release)
    last = unknown_app(again, "nobody", 5.0, NOW_MS + 5_000)
    assert isinstance(last, Dead)
    assert "unknown app 'nobody'" in last.reason


def test_an_unknown_app_does_not_forget_what_was_tried() -> None:
    tried = encode(JobState(targets={"a": TargetState(attempts=2)}))
    lease = Lease(id="j1", payload=b"{}", attempt=1, receipt="r", owner="w", state=tried)
    settlement = unknown_app(lease, "x", 5.0, NOW_MS)
    assert isinstance(settlement, Release)
    assert decode(settlement.state or b"").targets["a"].attempts == 2


def test_a_replay_after_an_unknown_app_owes_only_those_who_were_not_served() -> None:
    """The app may be restored: who had got it must not get it again."""
    kept = JobState(
        targets={"b": TargetState(attempts=2, first_attempt_ms=NOW_MS - 90_000)},
        failed={"c": "endpoint answered 410 Gone"},
        unknown_since_ms=NOW_MS - 5_000,
    )
    lease = Lease("j1", b"{}", 1, "r", "w", state=encode(kept))
    settlement = unknown_app(lease, "gone", 5.0, NOW_MS)
    assert isinstance(settlement, Dead)
    state = decode(settlement.state)
    assert (state.owed, state.failed, state.unknown_since_ms) == ({"b", "c"}, {}, 0)
    assert (state.targets["b"].attempts, state.targets["b"].tries_told) == (0, 2)
    assert state.targets["c"].reason == "endpoint answered 410 Gone"


def test_an_unknown_app_does_not_replace_a_state_that_cannot_be_read() -> None:
    lease = Lease("j1", b"{}", 1, "r", "w", state=b"{damaged")
    settlement = unknown_app(lease, "x", 5.0, NOW_MS)
    assert settlement == Dead(lease, "the state kept with the job cannot be read", b"{damaged")
