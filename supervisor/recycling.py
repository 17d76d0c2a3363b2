"""Which workers are due for a fresh process, and their turn at the drain token.

All planned restarts share one token (``Reloading``): at most one extra worker, which is ready
before an old one drains; a recycling that is due waits for a reload, and a stop forgets it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sockq.supervisor.crew import Crew
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.member import Member
from sockq.supervisor.recycle_rules import (
    Fetching,
    Limits,
    RecycleSettings,
    Sending,
    Use,
    Why,
)
from sockq.supervisor.reloading import Reloading
from sockq.supervisor.slot_states import SlotState
from sockq.workers import board
from sockq.workers.logs import Event, Log

_EVERY_SECONDS: Final = 1.0
#: Workers beat twice a second; the words of one that was silent for this long are old.
_QUIET_SECONDS: Final = 2.0


@dataclass(slots=True)
class _Life:
    """One process: where it began, and what it may use."""

    pid: int
    ready_at: float
    limits: Limits
    fetching: Fetching
    sending: Sending
    private_bytes: int | None = None
    told: bool = False


class Recycling:
    """Finds who is due, once a second, and has them replaced."""

    def __init__(
        self,
        stale_fetch_seconds: float,
        crew: Crew,
        reloading: Reloading,
        fleet: FleetBoard,
        log: Log,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._stale_fetch_seconds = stale_fetch_seconds
        self._crew = crew
        self._reloading = reloading
        self._fleet = fleet
        self._log = log
        self._chance = chance
        self._lives: dict[int, _Life] = {}
        self._due: dict[int, Why] = {}
        self._next_at = -math.inf

    @property
    def _settings(self) -> RecycleSettings:
        """For those that become ready now; those that a reload brought go when it is given up."""
        return self._crew.settings.recycle

    def ask(self, worker: Member) -> None:
        """An operator wants this one replaced."""
        self._due[worker.index] = Why.ASKED
        self._next_at = -math.inf

    def act(self, now: float, target: int) -> None:
        """Look who is due; begin when the token is free."""
        if now < self._next_at:
            return
        self._next_at = now + _EVERY_SECONDS
        for worker in self._crew.workers[:target]:
            self._look(worker, now)
        not_before = self._reloading.some_failed_at + self._settings.again_seconds
        if not self._due or self._reloading.working or now < not_before:
            return
        due = [index for index in self._due if index < target]
        for index in due:
            self._crew.workers[index].recycled = self._due[index] is not Why.ASKED
        self._due.clear()
        self._reloading.begin_some(now, target, due)

    def slept(self, now: float) -> None:
        """The loop slept: nobody's silence from before counts."""
        for life in self._lives.values():
            life.fetching.excused_at = life.sending.excused_at = now

    def _look(self, worker: Member, now: float) -> None:
        process, slot = worker.process, worker.slot
        if process is None or slot.ready_at is None or not worker.serving:
            self._due.pop(worker.index, None)
            if worker.index in self._lives:
                self._lives[worker.index].sending.excused_at = now
            return
        life = self._lives.get(worker.index)
        assert worker.writer is not None
        words = worker.writer.words
        if life is None or life.pid != process.pid:
            limits = Limits.draw(self._settings, self._chance)
            life = _Life(process.pid, slot.ready_at, limits, Fetching(now), Sending(now))
            self._lives[worker.index] = life
        if life.private_bytes is None and now - life.ready_at >= self._settings.baseline_seconds:
            life.private_bytes = words[board.USS_BYTES] or None
        if worker.index in self._due or worker.recycled:
            return
        why = self._why(worker, life, now)
        if why is not None:
            self._due[worker.index] = why

    def _why(self, worker: Member, life: _Life, now: float) -> Why | None:
        assert worker.writer is not None
        assert worker.process is not None
        words = worker.writer.words
        use = Use(
            jobs=worker.jobs,
            growth_bytes=words[board.USS_BYTES] - (life.private_bytes or words[board.USS_BYTES]),
            age_seconds=now - worker.process.started,
        )
        why = life.limits.reached(use)
        if why is not None and now - life.ready_at < self._settings.least_seconds:
            self._too_low(worker, life, why, now)
            return None
        room = words[board.IN_FLIGHT] < words[board.IN_FLIGHT_LIMIT]
        stale = life.fetching.stale_seconds(
            now,
            words[board.FETCH_OK_NS] / board.NS,
            may_claim=room
            and not words[board.SUSPECTS]
            and worker.says_ready
            and worker.slot.state is SlotState.READY,
        )
        overdue = life.sending.overdue_seconds(
            now,
            words[board.OLDEST_DEADLINE_NS] / board.NS,
            may_wait=bool(words[board.SUSPECTS]) or worker.quiet_seconds(now) >= _QUIET_SECONDS,
        )
        if why is None and stale >= self._stale_fetch_seconds:
            why = Why.STALE
        if why is None and overdue >= self._settings.overdue_seconds:
            why = Why.OVERDUE
        if why is not None:
            self._tell(worker, why, use, stale, overdue)
        return why

    def _tell(self, worker: Member, why: Why, use: Use, stale: float, overdue: float) -> None:
        fields: dict[str, object] = {
            "name": worker.name,
            "why": why.value,
            "jobs": use.jobs,
            "growth_mb": use.growth_bytes >> 20,
            "age_seconds": use.age_seconds,
        }
        if why is Why.STALE:
            fields["no_claim_answered_for_seconds"] = stale
            self._fleet.event("warning", f"{worker.name} has consumed nothing for {stale:.0f}s")
        if why is Why.OVERDUE:
            fields["request_overdue_for_seconds"] = overdue
            self._fleet.event("warning", f"{worker.name} has a request {overdue:.0f}s overdue")
        level = "warning" if why in (Why.STALE, Why.OVERDUE) else "info"
        self._log.write(level, Event.WORKER_DUE, fields)

    def _too_low(self, worker: Member, life: _Life, why: Why, now: float) -> None:
        if life.told:
            return
        first = not any(other.told for other in self._lives.values())
        life.told = True
        if first:
            limit = f"sockq.recycle_{_SETTING[why]}"
            self._log.error(
                Event.RECYCLE_TOO_SOON,
                name=worker.name,
                setting=limit,
                ready_seconds=now - life.ready_at,
                next=f"raise {limit}; a worker is kept for"
                f" {self._settings.least_seconds:g} s at least",
            )
            self._fleet.event("error", f"{limit} is too low: {worker.name} reached it at once")


_SETTING: Final = {Why.JOBS: "jobs", Why.GROWTH: "growth_mb", Why.AGE: "seconds"}
