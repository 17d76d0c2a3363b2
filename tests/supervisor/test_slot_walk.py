"""The slot's state machine, walked over at random: what it must never do, whatever happens.

A walk that fails prints its seed; ``Walk(seed)`` is the same again.
"""

from __future__ import annotations

import random

import pytest

from sockq.supervisor.silence import Verdict
from sockq.supervisor.slot import Slot
from sockq.supervisor.slot_states import IDLE, RUNNING, SERVING, Action, SlotLimits, SlotState
from sockq.workers.board import WorkerState

LIMITS = SlotLimits(boot_seconds=60, hang_seconds=15, suspect_seconds=1, kill_seconds=5)
WALKS = 2_000
STEPS = 120


class Walk:
    """One slot on a virtual clock, at most one process; every step checks the invariants."""

    def __init__(self, seed: int) -> None:
        self.luck = random.Random(seed)
        self.slot = Slot(LIMITS)
        self.now = 1000.0
        self.process = False
        self.moves: set[tuple[SlotState, SlotState]] = set()
        self._was = self.slot.state

    def obey(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            if action is Action.START:
                self.start()
            elif action is Action.LOOK:
                assert self.process
                self.check()
                self.obey(self.slot.judged(self.now, self.luck.choice(list(Verdict))))
            else:
                assert self.process, action

    def start(self) -> None:
        assert not self.process, "a second process in the slot"
        assert self.slot.state in IDLE, "a fork only from an idle slot"
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
        if luck.random() < 0.4:
            self.obey(self._asked())
        elif luck.random() < 0.6:
            self.obey(self._happened())
        else:
            self.obey(slot.due(self.now))
        self.check()

    def _asked(self) -> tuple[Action, ...]:
        slot, luck, now = self.slot, self.luck, self.now
        match luck.randrange(12):
            case 0:
                return slot.unwant(now)
            case 1:
                return slot.stop(now, now + luck.random() * 30)
            case 2 if luck.random() < 0.3:
                return slot.kill(now)
            case 3 if luck.random() < 0.5:
                return slot.forgive(now, luck.random() * 100)
            case _:
                return slot.want(now)

    def _happened(self) -> tuple[Action, ...]:
        slot, luck, now = self.slot, self.luck, self.now
        match luck.randrange(6) if self.process else 6:
            case 0 | 1:
                beat = now - luck.choice([0, 0, 1, 14, 40])
                return slot.observed(now, luck.choice(list(WorkerState)), beat)
            case 2 if luck.random() < 0.3:
                self.process = False
                return slot.exited(now, now + luck.choice([0, 0.5, 30]))
            case 3 if luck.random() < 0.3:
                return slot.found_stopped(now)
            case 4:
                return slot.found_running(now)
            case _:
                return slot.judged(now, luck.choice(list(Verdict)))

    def check(self) -> None:
        slot = self.slot
        self.moves.add((self._was, slot.state))
        self._was = slot.state
        assert (slot.state in RUNNING) == self.process, "a slot has its process, and no other"
        if slot.state is SlotState.EMPTY and not slot.wanted:
            assert slot.deadline is None
        else:
            assert slot.deadline is not None, f"{slot.state.name} has no timer"
        assert (slot.ready_at is not None) or slot.state not in SERVING
        assert not (slot.stuck and slot.state in SERVING)


def test_random_events_never_break_the_invariants() -> None:
    moves: set[tuple[SlotState, SlotState]] = set()
    for seed in range(WALKS):
        walk = Walk(seed)
        try:
            for _ in range(STEPS):
                walk.step()
        except AssertionError as error:
            raise AssertionError(f"Walk({seed}): {error}") from error
        moves |= walk.moves
    for state in SlotState:
        assert any(was is state and now is not state for was, now in moves), f"no way out: {state}"
        assert any(now is state for _, now in moves), f"no way into {state}"


def test_every_state_is_left_by_time_alone() -> None:
    """Whatever happened before: a silent process goes, and a wanted slot has a new one."""
    for seed in range(WALKS // 4):
        walk = Walk(seed)
        for _ in range(walk.luck.randrange(1, STEPS)):
            walk.step()
        try:
            _to_the_next_boot(walk)
        except AssertionError as error:
            raise AssertionError(f"Walk({seed}): {error}") from error


def _to_the_next_boot(walk: Walk) -> None:
    slot = walk.slot
    slot.want(walk.now)
    for _ in range(60):
        if slot.deadline is not None:
            walk.now = max(walk.now, slot.deadline)
        if slot.state is SlotState.KILLING:
            walk.process = False
            slot.exited(walk.now, walk.now)
        elif slot.state is SlotState.BOOTING:
            return
        elif slot.due(walk.now) == (Action.LOOK,):
            slot.judged(walk.now, Verdict.KILL)
        elif slot.state in IDLE:
            walk.start()
    pytest.fail(f"still {slot.state.name}")
