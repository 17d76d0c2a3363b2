"""The slot's state machine: tables for what it must do, random events for what it must never do."""

from __future__ import annotations

import random

import pytest

from sockq.supervisor.slot import RUNNING, SERVING, Action, Slot, SlotLimits, SlotState
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
    assert slot.due(61) == (Action.KILL,)
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
    assert slot.due(121) == (Action.KILL,)
    assert slot.hung


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
    assert slot.deadline == 110


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


class World:
    """One slot, at most one process, random luck; checks the invariants after every step."""

    def __init__(self, seed: int) -> None:
        self.luck = random.Random(seed)
        self.slot = Slot(LIMITS)
        self.now = 1000.0
        self.process = False
        self.seen: set[SlotState] = set()

    def obey(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            if action is Action.START:
                self.start()
            else:
                assert self.process, action

    def start(self) -> None:
        assert not self.process, "a second process in the slot"
        if self.luck.random() < 0.1:
            until = self.now + self.luck.random() * 5
            self.slot.deferred(self.now, until, held=self.luck.random() < 0.5)
            return
        self.slot.forking(self.now)
        self.check()
        if self.luck.random() < 0.1:
            self.slot.deferred(self.now, self.now + 1)
            return
        self.process = True
        self.slot.forked(self.now)

    def step(self) -> None:
        slot, luck = self.slot, self.luck
        self.now += luck.choice([0.0, 0.01, 0.3, 1.0, 7.0, 20.0])
        match luck.randrange(9):
            case 0:
                self.obey(slot.want(self.now))
            case 1 if luck.random() < 0.3:
                self.obey(slot.unwant(self.now))
            case 2 if luck.random() < 0.3:
                self.obey(slot.stop(self.now, self.now + luck.random() * 30))
            case 3 if luck.random() < 0.1:
                self.obey(slot.kill(self.now))
            case 4 if self.process:
                beat = self.now - luck.choice([0, 0, 1, 14, 40])
                self.obey(slot.observed(self.now, luck.choice(list(WorkerState)), beat))
            case 5 if self.process and luck.random() < 0.3:
                self.process = False
                self.obey(slot.exited(self.now, self.now + luck.choice([0, 0.5, 30])))
            case 6 if luck.random() < 0.2:
                self.obey(slot.forgive(self.now, luck.random() * 100))
            case _:
                self.obey(slot.due(self.now))
        self.check()

    def check(self) -> None:
        state = self.slot.state
        self.seen.add(state)
        assert (state in RUNNING) == self.process
        if state is SlotState.EMPTY and not self.slot.wanted:
            assert self.slot.deadline is None
        else:
            assert self.slot.deadline is not None, f"{state.name} has no timer"
        assert (self.slot.ready_at is not None) or state not in SERVING


def test_random_events_never_break_the_invariants() -> None:
    seen: set[SlotState] = set()
    for seed in range(150):
        world = World(seed)
        for _ in range(300):
            world.step()
        seen |= world.seen
    assert seen == set(SlotState)


@pytest.mark.parametrize("seed", range(30))
def test_every_state_is_left_by_time_alone(seed: int) -> None:
    """Whatever happened before: a silent process goes, and a wanted slot ends up ready again."""
    world = World(seed)
    for _ in range(world.luck.randrange(1, 200)):
        world.step()
    slot = world.slot
    slot.want(world.now)
    for _ in range(50):
        if slot.deadline is not None:
            world.now = max(world.now, slot.deadline)
        if slot.state is SlotState.KILLING:
            world.process = False
            slot.exited(world.now, world.now)
        elif slot.state is SlotState.BOOTING:
            break
        else:
            world.obey(slot.due(world.now))
    assert slot.state is SlotState.BOOTING
