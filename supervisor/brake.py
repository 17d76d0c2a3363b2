"""The fleet's breaker at work: which worker may start, what a crash and a success change."""

from __future__ import annotations

import math
from typing import Final

from sockq.supervisor.crew import Crew
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.member import Member, Role
from sockq.supervisor.restart import COUNTED, Breaker, BreakerState, Cause, RestartSettings
from sockq.supervisor.slot_states import SERVING, SlotState
from sockq.workers.logs import Event, Log

_BRAKED: Final = frozenset({SlotState.BACKOFF, SlotState.HELD})
_WAITING: Final = frozenset({SlotState.BACKOFF, SlotState.DEAD})


class Brake:
    """Stops a crash loop of the whole fleet; see ``restart.Breaker`` for the rules."""

    def __init__(self, rules: RestartSettings, crew: Crew, fleet: FleetBoard, log: Log) -> None:
        self._breaker = Breaker(rules)
        self._rules = rules
        self._crew = crew
        self._fleet = fleet
        self._log = log

    @property
    def on(self) -> bool:
        """Whether there is a crash loop."""
        return self._breaker.state is not BreakerState.CLOSED

    @property
    def retry_at(self) -> float:
        """When the next canary may start; 0 without a crash loop."""
        return self._breaker.retry_at if self.on else 0.0

    def seconds_on(self, now: float) -> float:
        """For how long the crash loop has lasted."""
        return now - self._breaker.opened_at if self.on else 0.0

    def lets_start(self, member: Member, now: float) -> bool:
        """Whether the member may start now; a worker that may not is held."""
        if member.role is not Role.WORKER:
            return True
        at = self._breaker.start_at(now, member.index)
        if at > now:
            member.slot.deferred(now, at, held=True)
        return at <= now

    def retry(self, now: float) -> int:
        """Let whatever waits for its next start try now; in a crash loop still one at a time."""
        self._breaker.retry_at = min(self._breaker.retry_at, now)
        waiting = [one for one in self._crew if one.slot.state in _BRAKED and one.slot.wanted]
        for one in waiting:
            one.slot.deferred(now, now, held=one.slot.state is SlotState.HELD)
        return len(waiting)

    def forget(self, member: Member, now: float) -> None:
        """The member is no longer wanted, or could not be forked."""
        if member.role is not Role.WORKER:
            return
        self._breaker.forget(member.index)
        if self._breaker.settle(self._unproven(now)):
            self._over(None, "all that are wanted stay up", now)

    def ended(self, member: Member, cause: Cause, now: float, target: int) -> None:
        """A worker ended; its slot knows already when it may start again."""
        if cause not in COUNTED:
            # Not a crash, but its place on trial is free again, or the trial would wait for ever.
            self._breaker.forget(member.index)
            return
        if member.deaths > 1 and member.settled():
            self._succeeded(member, now)
        if self._breaker.crashed(now, member.index, target):
            self._log.error(Event.CRASH_LOOP, last=member.name, cause=cause.label)
            self._fleet.event(
                "error", f"crash loop ({member.name}: {cause.label}); one worker keeps trying"
            )
            for worker in self._crew.workers:
                if worker.slot.state in _WAITING and worker.slot.wanted:
                    worker.slot.deferred(now, self._breaker.retry_at, held=True)

    def proof_at(self, member: Member) -> float:
        """When the member will have proved that it stays up; never, when it need not."""
        ready_at = member.slot.ready_at
        tried = member.deaths > 0 or self.on
        serving = member.role is Role.WORKER and member.slot.state in SERVING
        if not (tried and serving) or member.proven or ready_at is None:
            return math.inf
        return ready_at + self._rules.proof_seconds

    def look(self, member: Member, now: float) -> None:
        """Count a success when the member has proved itself."""
        if now >= self.proof_at(member):
            self._succeeded(member, now)

    def _succeeded(self, member: Member, now: float) -> None:
        member.proven = True
        waiting = sum(one.slot.wanted and not one.running for one in self._crew.workers)
        over = self._breaker.succeeded(member.index, waiting)
        if over or self._breaker.settle(self._unproven(now)):
            self._over(member.name, f"{member.name} stays up", now)

    def _unproven(self, now: float) -> int:
        """How many wanted workers are not known to stay up; those that run prove it in time."""
        least = now - self._rules.proof_seconds
        return sum(
            one.slot.wanted
            and not (one.running and (one.proven or (one.slot.ready_at or now) <= least))
            for one in self._crew.workers
        )

    def _over(self, by: str | None, why: str, now: float) -> None:
        self._log.info(Event.CRASH_LOOP_OVER, by=by)
        self._fleet.event("info", f"crash loop over: {why}")
        for worker in self._crew.workers:
            if worker.slot.state is SlotState.HELD:
                worker.slot.deferred(now, now)
