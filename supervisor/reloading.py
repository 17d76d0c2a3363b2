"""A reload at work: feeds ``rolling`` with what the slots show, and does what it says."""

from __future__ import annotations

import math
import time
from typing import Final

from sockq.supervisor.carry_out import carry_out
from sockq.supervisor.crew import Crew
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.rolling import Rolling, Seen, Step
from sockq.workers.logs import Event, Log

_LOOK_SECONDS: Final = 0.2


class Reloading:
    """At most one reload at a time.

    Attributes:
        ok: Reloads that ended well.
        failed: Reloads that were given up.
        last_ok: How the last one ended.
        ended_ms: Unix time of the last end; 0: none.
    """

    def __init__(self, settings: FleetSettings, crew: Crew, log: Log) -> None:
        self.ok = 0
        self.failed = 0
        self.ended_ms = 0
        self.last_ok = True
        self._settings = settings
        self._crew = crew
        self._log = log
        self._rolling: Rolling | None = None
        self._look_at = math.inf
        self._before: FleetSettings | None = None

    @property
    def active(self) -> bool:
        """Whether one is under way."""
        return self._rolling is not None

    @property
    def surge(self) -> int | None:
        """The slot of the extra worker."""
        return self._rolling.surge if self._rolling else None

    @property
    def look_at(self) -> float:
        """When ``act`` must be called again."""
        return self._look_at

    def begin(self, now: float, target: int, settings: FleetSettings | None = None) -> bool:
        """Begin; False when one is under way.

        Args:
            now: Monotonic seconds.
            target: Workers wanted.
            settings: What the new workers get; None: what the old ones had. When a new worker
                fails, all later ones get the old settings again.
        """
        if self._rolling is not None:
            return False
        self._before = self._crew.settings
        if settings is not None:
            self._crew.adopt(settings)
        room = target < len(self._crew.workers)
        soak = self._settings.soak_seconds
        seen = self._seen(now)
        self._rolling = Rolling(list(range(target)), target if room else None, soak, seen)
        self._look_at = now
        self._log.info(Event.FLEET_RELOADING, workers=target)
        return True

    def act(self, now: float) -> None:
        """Take the steps that can be taken now."""
        if self._rolling is None:
            return
        workers = self._crew.workers
        while True:
            step, slot = self._rolling.step(self._seen(now))
            match step:
                case Step.WAIT:
                    self._look_at = now + _LOOK_SECONDS
                    return
                case Step.ADD:
                    workers[slot].slot.want(now)
                case Step.REPLACE:
                    self._drain(slot, now)
                case Step.DONE | Step.FAILED:
                    self._finish(now, ok=step is Step.DONE)
                    return

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
        """The fleet stops: forget the reload."""
        self._rolling = None
        self._look_at = math.inf

    def _finish(self, now: float, *, ok: bool) -> None:
        surge = self.surge
        self.cancel()
        self.ok += ok
        self.failed += not ok
        self.last_ok = ok
        self.ended_ms = time.time_ns() // 1_000_000
        if not ok and self._before is not None:
            self._crew.adopt(self._before)
        if ok:
            self._log.info(Event.FLEET_RELOADED)
        else:
            self._log.error(Event.RELOAD_FAILED, why="a new worker ended; the others stay as is")
        if surge is not None:
            self._crew.workers[surge].slot.unwant(now)
            self._drain(surge, now)

    def _drain(self, slot: int, now: float) -> None:
        member = self._crew.workers[slot]
        carry_out(member, member.slot.stop(now, now + self._settings.drain_seconds), self._log)

    def _seen(self, now: float) -> dict[int, Seen]:
        return {
            one.index: Seen(
                one.generation,
                one.faults,
                None if one.slot.ready_at is None or not one.serving else now - one.slot.ready_at,
            )
            for one in self._crew.workers
        }
