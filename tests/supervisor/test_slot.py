"""The slot's state machine: what it must do. ``test_slot_walk`` has what it must never do."""

from __future__ import annotations

import pytest

from sockq.supervisor.silence import Verdict
from sockq.supervisor.slot import Slot
from sockq.supervisor.slot_states import Action, SlotLimits, SlotState
from sockq.workers.board import WorkerState

LIMITS = SlotLimits(boot_seconds=60, hang_seconds=15, suspect_seconds=1, kill_seconds=5)


def ready_slot(now: float = 100.0) -> Slot:
    slot = Slot(LIMITS)
    slot.want(now)
    assert slot.due(now) == (Action.START,)
    slot.forking(now)
    slot.forked(now)
    slot.observed(now, WorkerState.READY, now)
    assert slot.state is SlotState.READY
    return slot


def suspect_slot() -> Slot:
    """Ready and last heard of at 100, silent since, a suspect from 115 on."""
    slot = ready_slot(100)
    assert slot.due(115) == (Action.DUMP,)
    return slot


def test_an_unwanted_slot_is_empty_and_waits_for_nothing() -> None:
    slot = Slot(LIMITS)
    assert (slot.state, slot.deadline) == (SlotState.EMPTY, None)
    assert slot.due(1e9) == ()


def test_boot_that_hangs_is_dumped_then_killed_and_counts_as_hung() -> None:
    slot = Slot(LIMITS)
    slot.want(0)
    slot.forking(0)
    slot.forked(0)
    assert slot.due(59.9) == ()
    slot.observed(59.9, WorkerState.BOOTING, 59.9)
    assert slot.due(60) == (Action.DUMP,)
    slot.observed(60.5, WorkerState.BOOTING, 60.5)
    assert slot.due(61) == (Action.LOOK,)
    assert slot.judged(61, Verdict.KILL) == (Action.KILL,)
    assert (slot.state, slot.hung) == (SlotState.KILLING, True)


def test_boot_that_ends_late_but_before_the_kill_is_saved() -> None:
    slot = Slot(LIMITS)
    slot.want(0)
    slot.forking(0)
    slot.forked(0)
    slot.due(60)
    slot.observed(60.5, WorkerState.READY, 60.5)
    assert slot.state is SlotState.READY
    assert slot.due(61) == ()


def test_silence_is_dumped_then_killed() -> None:
    slot = ready_slot(100)
    slot.observed(110, WorkerState.READY, 105)
    assert slot.due(119.9) == ()
    assert slot.due(120) == (Action.DUMP,)
    assert slot.state is SlotState.SUSPECT
    assert slot.due(121) == (Action.LOOK,)
    assert slot.judged(121, Verdict.KILL) == (Action.KILL,)
    assert slot.hung


def test_a_silent_process_that_computes_has_twice_the_time() -> None:
    slot = suspect_slot()
    assert slot.judged(116, Verdict.BUSY) == ()
    assert (slot.state, slot.deadline, slot.extended) == (SlotState.SUSPECT, 130, True)
    assert slot.due(130) == (Action.LOOK,)


def test_a_process_that_hangs_in_the_kernel_is_looked_at_again_and_again() -> None:
    slot = suspect_slot()
    for now in (116, 117, 118):
        assert slot.due(now) == (Action.LOOK,)
        assert slot.judged(now, Verdict.BLOCKED) == ()
        assert slot.stuck
    slot.observed(118.5, WorkerState.READY, 118.4)
    assert (slot.state, slot.stuck) == (SlotState.READY, False)


def test_a_silent_process_that_cannot_be_seen_now_is_looked_at_again() -> None:
    slot = suspect_slot()
    now = slot.deadline or 0.0
    assert slot.due(now) == (Action.LOOK,)
    assert slot.judged(now, Verdict.UNSEEN) == ()
    assert (slot.state, slot.deadline) == (SlotState.SUSPECT, now + 1)
    assert slot.due(now + 1) == (Action.LOOK,)


def test_a_stopped_process_is_left_alone_for_its_own_time() -> None:
    slot = ready_slot(100)
    slot.found_stopped(101)
    assert (slot.state, slot.deadline) == (SlotState.STOPPED, 161)
    assert slot.due(160) == ()
    assert slot.due(161) == (Action.KILL,)
    assert (slot.frozen, slot.hung) == (True, False), "somebody held it: it did not hang"


def test_a_stopped_process_that_goes_on_has_its_time_again() -> None:
    slot = ready_slot(100)
    slot.observed(101, WorkerState.DEGRADED, 101)
    slot.found_stopped(102)
    slot.found_running(140)
    assert (slot.state, slot.deadline) == (SlotState.DEGRADED, 155)


def test_a_boot_that_was_stopped_has_its_time_again() -> None:
    slot = Slot(LIMITS)
    slot.want(0)
    slot.forking(0)
    slot.forked(0)
    slot.found_stopped(10)
    slot.found_running(40)
    assert (slot.state, slot.deadline) == (SlotState.BOOTING, 90)


def test_a_suspect_that_turns_out_to_be_stopped_is_not_killed() -> None:
    slot = suspect_slot()
    assert slot.judged(116, Verdict.STOPPED) == ()
    assert (slot.state, slot.hung) == (SlotState.STOPPED, False)
    slot.found_running(120)
    assert slot.state is SlotState.READY


def test_a_stopped_process_drains_when_it_is_told_to() -> None:
    slot = ready_slot(100)
    slot.found_stopped(101)
    assert slot.stop(102, 127) == (Action.DRAIN,)
    slot.found_running(103)
    assert (slot.state, slot.deadline) == (SlotState.DRAINING, 127)


def test_a_suspect_that_moves_goes_back_to_where_it_was() -> None:
    slot = ready_slot(100)
    slot.observed(101, WorkerState.DEGRADED, 101)
    slot.due(116)
    assert slot.state is SlotState.SUSPECT
    slot.observed(116.5, WorkerState.DEGRADED, 116.4)
    assert slot.state is SlotState.DEGRADED
    assert slot.deadline == pytest.approx(116.4 + 15)


@pytest.mark.parametrize(
    ("worker", "state"),
    [
        (WorkerState.DEGRADED, SlotState.DEGRADED),
        (WorkerState.PAUSED, SlotState.PAUSED),
        (WorkerState.READY, SlotState.READY),
    ],
)
def test_the_board_moves_a_serving_slot(worker: WorkerState, state: SlotState) -> None:
    slot = ready_slot()
    slot.observed(101, worker, 101)
    assert slot.state is state


def test_a_drain_has_a_deadline_that_only_moves_earlier() -> None:
    slot = ready_slot(100)
    assert slot.stop(100, 125) == (Action.DRAIN,)
    assert slot.stop(101, 140) == ()
    assert slot.deadline == 125
    slot.stop(102, 107)
    assert slot.due(107) == (Action.KILL,)
    assert (slot.late, slot.hung) == (True, False)


def test_beats_do_not_prolong_a_drain() -> None:
    slot = ready_slot(100)
    slot.stop(100, 125)
    slot.observed(124, WorkerState.READY, 124)
    assert (slot.state, slot.deadline) == (SlotState.DRAINING, 125)


def test_a_kill_that_does_not_work_is_reported_and_repeated() -> None:
    slot = ready_slot(100)
    assert slot.kill(100) == (Action.KILL,)
    assert slot.due(105) == (Action.STUCK, Action.KILL)
    assert (slot.deadline, slot.stuck) == (110, True)


def test_a_caller_that_slept_blames_nobody() -> None:
    slot = ready_slot(100)
    slot.forgive(130, 30)
    assert slot.due(130) == ()
    assert slot.due(145) == (Action.DUMP,)
    slot.forgive(150, 5)
    assert (slot.state, slot.deadline) == (SlotState.READY, 165)


def test_a_caller_that_slept_gives_a_boot_its_time_back() -> None:
    slot = Slot(LIMITS)
    slot.want(0)
    slot.forking(0)
    slot.forked(0)
    slot.forgive(90, 88)
    assert slot.deadline == 148


def test_a_caller_that_slept_gives_a_drain_and_a_kill_their_time_back() -> None:
    slot = ready_slot(100)
    slot.stop(100, 125)
    slot.forgive(160, 59)
    assert slot.deadline == 184
    assert slot.due(160) == ()
    assert slot.due(184) == (Action.KILL,)
    slot.forgive(250, 60)
    assert slot.due(248) == ()
    assert slot.due(249) == (Action.STUCK, Action.KILL)


def test_a_replacement_waits_for_its_time() -> None:
    slot = ready_slot(100)
    slot.exited(101, restart_at=103)
    assert slot.state is SlotState.BACKOFF
    assert slot.due(102.9) == ()
    assert slot.due(103) == (Action.START,)


def test_an_end_without_a_wish_empties_the_slot() -> None:
    slot = ready_slot(100)
    slot.unwant(100)
    slot.stop(100, 125)
    slot.exited(101, restart_at=101)
    assert (slot.state, slot.deadline) == (SlotState.EMPTY, None)


def test_a_slot_that_is_wanted_again_while_it_drains_starts_again() -> None:
    slot = ready_slot(100)
    slot.unwant(100)
    slot.stop(100, 125)
    slot.want(101)
    slot.exited(102, restart_at=102)
    assert slot.due(102) == (Action.START,)
