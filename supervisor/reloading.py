"""Planned restarts at work: feeds ``rolling`` with what the slots show, and does what it says.

One token for all of them: a reload of the whole fleet, or some workers that are recycled. A reload
does not wait for all of those, only for the one whose turn it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sockq.supervisor.carry_out import carry_out
from sockq.supervisor.crew import Crew
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.rolling import Rolling, Seen, Step, Why
from sockq.supervisor.slot import Slot
from sockq.supervisor.slot_states import SlotState
from sockq.workers.logs import Event, Log

_LOOK_SECONDS: Final = 0.2
#: A step may wait this many times the longest delay of a start, beside its drain, boot and soak.
_CAPS: Final = 2


@dataclass(frozen=True, slots=True)
class _Reload:
    """A reload that is asked for; see ``Reloading.begin``."""

    settings: FleetSettings | None
    proved: Callable[[float], int] | None


class Reloading:
    """At most one run of planned restarts at a time.

    Attributes:
        ok: Reloads that ended well.
        failed: Reloads that were given up.
        last_ok: How the last one ended.
        failure: Why the last one that failed did, for an operator: one line; "": none failed.
        ended_ms: Unix time of the last end; 0: none.
        some_failed_at: When a recycling was given up last, monotonic seconds.
    """

    def __init__(self, settings: FleetSettings, crew: Crew, log: Log) -> None:
        self.ok = 0
        self.failed = 0
        self.failure = ""
        self.ended_ms = 0
        self.last_ok = True
        self.some_failed_at = -math.inf
        self._settings = settings
        self._crew = crew
        self._log = log
        self._rolling: Rolling | None = None
        self._of_all = False
        self._next: _Reload | None = None
        self._look_at = math.inf
        self._before: FleetSettings | None = None
        self._proved: Callable[[float], int] | None = None

    @property
    def working(self) -> bool:
        """Whether the token is taken."""
        return self._rolling is not None or self._next is not None

    @property
    def active(self) -> bool:
        """Whether a reload is under way, or the next thing to come."""
        return self._next is not None or (self._rolling is not None and self._of_all)

    @property
    def surge(self) -> int | None:
        """The slot of the extra worker."""
        return self._rolling.surge if self._rolling else None

    @property
    def look_at(self) -> float:
        """When ``act`` must be called again."""
        return self._look_at

    def begin(
        self,
        now: float,
        target: int,
        settings: FleetSettings | None = None,
        proved: Callable[[float], int] | None = None,
    ) -> bool:
        """Begin a reload; False when one is under way.

        Args:
            now: Monotonic seconds.
            target: Workers wanted.
            settings: What the new workers get; None: what the old ones had. When the reload
                fails, all later ones get the old settings again.
            proved: Called with the time when it ended well, while the extra worker is still
                there; returns how many workers are wanted from then on.
        """
        if self.active:
            return False
        if self._rolling is not None:
            self._rolling.hasten()
            self._next = _Reload(settings, proved)
            self._look_at = now
            return True
        self._before = self._crew.settings
        if settings is not None:
            self._crew.adopt(settings)
        self._proved = proved
        # More than are wanted: who stands in for a stuck one is to have the new settings as well.
        slots = [one.index for one in self._crew.workers if one.slot.wanted]
        self._roll(now, target, slots, self._crew.settings.soak_seconds)
        self._of_all = True
        self._log.info(Event.FLEET_RELOADING, workers=target)
        return True

    def begin_some(self, now: float, target: int, slots: list[int]) -> bool:
        """Have the workers of these slots replaced; False when the token is taken."""
        if self.working:
            return False
        self._roll(now, target, slots, 0.0)
        self._of_all = False
        names = [self._crew.workers[slot].name for slot in slots]
        self._log.info(Event.RECYCLING, workers=names)
        return True

    def _roll(self, now: float, target: int, slots: list[int], soak_seconds: float) -> None:
        free = (
            one.index
            for one in self._crew.workers[target:]
            if one.slot.state is SlotState.EMPTY and not one.slot.wanted
        )
        fleet = self._settings
        self._rolling = Rolling(
            slots,
            next(free, None),
            self._seen(now),
            soak_seconds=soak_seconds,
            limit_seconds=fleet.boot_seconds
            + fleet.drain_seconds
            + soak_seconds
            + _CAPS * fleet.restart.cap_seconds,
        )
        self._look_at = now

    def act(self, now: float, target: int) -> None:
        """Take the steps that can be taken now."""
        while self._rolling is not None:
            step, slot = self._rolling.step(self._seen(now), now)
            match step:
                case Step.WAIT:
                    self._look_at = now + _LOOK_SECONDS
                    return
                case Step.ADD:
                    self._crew.workers[slot].slot.want(now)
                case Step.REPLACE:
                    self._drain(slot, now)
                case Step.DONE | Step.FAILED:
                    self._finish(now, target, slot)

    def slept(self, lag_seconds: float) -> None:
        """The loop did not run for this long."""
        if self._rolling is not None:
            self._rolling.excuse(lag_seconds)

    def drop(self, slot: int) -> None:
        """The slot is no longer wanted."""
        if self._rolling is not None:
            self._rolling.drop(slot)

    def refused(self) -> None:
        """The configuration does not hold; nothing was changed."""
        self.failed += 1
        self.last_ok = False
        self.ended_ms = time.time_ns() // 1_000_000

    def cancel(self) -> None:
        """The fleet stops: forget all planned restarts."""
        self._rolling = self._next = None
        self._look_at = math.inf

    def _finish(self, now: float, target: int, slot: int) -> None:
        rolling, following, of_all = self._rolling, self._next, self._of_all
        assert rolling is not None
        surge = rolling.surge
        self.cancel()
        if of_all:
            self._reloaded(rolling, slot)
            if rolling.why is None and self._proved is not None:
                target = self._proved(now)
        elif rolling.why is not None:
            self.some_failed_at = now
            name = self._crew.workers[slot].name
            self._log.warning(Event.RECYCLING_FAILED, why=rolling.why, name=name, next="later")
        for worker in self._crew.workers:
            worker.recycled = worker.recycled and worker.slot.state is SlotState.DRAINING
        # A fleet that was scaled up may have come to need it.
        if surge is not None and surge >= target:
            self._crew.workers[surge].slot.unwant(now)
            self._drain(surge, now)
        if following is not None:
            self.begin(now, target, following.settings, following.proved)

    def _reloaded(self, rolling: Rolling, slot: int) -> None:
        ok = rolling.why is None
        self.ok += ok
        self.failed += not ok
        self.last_ok = ok
        self.ended_ms = time.time_ns() // 1_000_000
        workers = self._crew.workers
        if rolling.why is None:
            left = (workers[index] for index in rolling.passed_over)
            stuck = [one.name for one in left if not rolling.is_new(one.index, one.generation)]
            self._log.info(Event.FLEET_RELOADED, stuck=stuck or None)
            return
        if self._before is not None:
            self._crew.adopt(self._before)
        new = [
            one.name
            for one in workers
            if one.running and one.index != rolling.surge
            if rolling.is_new(one.index, one.generation)
        ]
        self.failure = _failure(rolling.why, workers[slot].name, new)
        self._log.error(Event.RELOAD_FAILED, why=self.failure, replaced=new or None)

    def _drain(self, slot: int, now: float) -> None:
        member = self._crew.workers[slot]
        carry_out(member, member.slot.stop(now, now + self._settings.drain_seconds), self._log)

    def _seen(self, now: float) -> dict[int, Seen]:
        return {
            one.index: Seen(
                one.generation,
                one.faulty,
                None if one.slot.ready_at is None or not one.serving else now - one.slot.ready_at,
                _is_stuck(one.slot, now),
            )
            for one in self._crew.workers
        }


def _is_stuck(slot: Slot, now: float) -> bool:
    """Whether not even SIGKILL ended its process in time."""
    limit = slot.limits.kill_seconds
    return slot.stuck and slot.state is SlotState.KILLING and now - slot.since >= limit


def _failure(why: Why, name: str, new: list[str]) -> str:
    """What an operator must know: the reason, and who runs what."""
    left = "; the others stay as they were" if new else "; all workers stay as they were"
    if not new:
        return f"{why} ({name}){left}"
    keep = "keeps" if len(new) == 1 else "keep"
    return f"{why} ({name}); {', '.join(new)} {keep} what the reload brought{left}"
