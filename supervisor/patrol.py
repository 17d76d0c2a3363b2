"""Once a second: is anybody stopped, and, when one is silent, is it really hung?"""

from __future__ import annotations

import math
from typing import Final

from sockq.supervisor.crew import Crew
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.member import Member
from sockq.supervisor.proc_stat import look
from sockq.supervisor.silence import UNSEEN, Look, Verdict, judge
from sockq.supervisor.slot_states import SERVING, Actions, SlotState
from sockq.workers.logs import Event, Log

_EVERY_SECONDS: Final = 1.0
#: Workers beat twice as often; whoever beats is not stopped.
_QUIET_SECONDS: Final = 0.8
_LOOKED_AT: Final = SERVING | {SlotState.BOOTING, SlotState.SUSPECT, SlotState.STOPPED}


class Patrol:
    """Looks at processes from outside.

    Attributes:
        next_at: When ``act`` must be called again, monotonic seconds.
    """

    def __init__(self, crew: Crew, fleet: FleetBoard, log: Log) -> None:
        self.next_at = -math.inf
        self._crew = crew
        self._fleet = fleet
        self._log = log
        self._first: dict[int, Look | None] = {}
        self._told: set[tuple[int, Verdict]] = set()

    def act(self, now: float) -> None:
        """Find who was stopped by somebody, and who goes on."""
        if now < self.next_at:
            return
        self.next_at = now + _EVERY_SECONDS
        for member in self._crew:
            process, slot = member.process, member.slot
            if process is None or slot.state not in _LOOKED_AT:
                continue
            stopped = slot.state is SlotState.STOPPED
            if not stopped and member.quiet_seconds(now) < _QUIET_SECONDS:
                continue
            seen = look(process.pid)
            if seen is not None and seen != UNSEEN and seen.stopped != stopped:
                self._turn(member, now, stopped=seen.stopped)

    def suspected(self, member: Member) -> None:
        """It was found silent: remember how it looks now."""
        if member.process is not None:
            self.forget(member.process.pid)
            self._first[member.process.pid] = look(member.process.pid)

    def judge(self, member: Member, now: float) -> Actions:
        """It is still silent: look again, and decide."""
        process, slot = member.process, member.slot
        if process is None:
            return ()
        before, seen = self._first.get(process.pid), look(process.pid)
        silent = slot.silent(now)
        verdict = judge(
            before,
            seen,
            silent_seconds=silent,
            patience_seconds=slot.patience,
            extended=slot.extended,
        )
        new = (process.pid, verdict) not in self._told
        self._told = {one for one in self._told if one[0] != process.pid}
        if verdict in (Verdict.BLOCKED, Verdict.UNSEEN):  # the same again, each second
            self._told.add((process.pid, verdict))
        if before == UNSEEN and verdict is Verdict.UNSEEN:
            self._first[process.pid] = seen
        actions = slot.judged(now, verdict)
        if new:
            self._log.warning(
                Event.PROCESS_JUDGED,
                name=member.name,
                pid=process.pid,
                verdict=verdict.name.lower(),
                silent_seconds=silent,
                kernel_state=seen.state if seen else None,
            )
        if verdict is Verdict.BLOCKED and new:
            self._fleet.event("error", f"{member.name} hangs in the kernel (state D)")
        if verdict is Verdict.STOPPED:
            self._tell(member, stopped=True)
        if verdict is Verdict.KILL:
            self._first.pop(process.pid, None)
        return actions

    def forget(self, pid: int) -> None:
        """The process has ended."""
        self._first.pop(pid, None)
        self._told = {one for one in self._told if one[0] != pid}

    def _turn(self, member: Member, now: float, *, stopped: bool) -> None:
        assert member.process is not None
        if stopped:
            member.slot.found_stopped(now)
        else:
            member.slot.found_running(now)
        self._log.warning(
            Event.PROCESS_STOPPED if stopped else Event.PROCESS_CONTINUED,
            name=member.name,
            pid=member.process.pid,
        )
        self._tell(member, stopped=stopped)

    def _tell(self, member: Member, *, stopped: bool) -> None:
        pid = member.process.pid if member.process else 0
        text = f"was stopped by somebody (kill -CONT {pid} lets it go on)" if stopped else "goes on"
        self._fleet.event("warning" if stopped else "info", f"{member.name} {text}")
