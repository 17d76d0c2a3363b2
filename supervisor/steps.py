"""The steps of a pass: what is due, who ended, what comes next.

Order of the stop: workers, then what they held is given back, then janitor, broker.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Final

from sockq.supervisor import board_words as words
from sockq.supervisor.booting import Booting
from sockq.supervisor.brake import Brake
from sockq.supervisor.carry_out import carry_out
from sockq.supervisor.channels import Channels
from sockq.supervisor.crew import Crew
from sockq.supervisor.endings import Ending, Endings
from sockq.supervisor.faults import Faults
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.leaving import Leaving
from sockq.supervisor.member import Member, Role
from sockq.supervisor.owners import OwnersFile
from sockq.supervisor.patrol import Patrol
from sockq.supervisor.pausing import Pausing
from sockq.supervisor.planned import Planned
from sockq.supervisor.publish import publish
from sockq.supervisor.reaping import Reaping
from sockq.supervisor.reclaims import Reclaims
from sockq.supervisor.restart import Cause
from sockq.supervisor.service import Facts
from sockq.supervisor.shutdown import Shutdown
from sockq.supervisor.slot_states import Action
from sockq.workers import exits
from sockq.workers.board import NS
from sockq.workers.logs import Event, Log

_FORKS_A_PASS: Final = 4
#: A slot whose step raised is looked at again after this long.
_FAULT_SECONDS: Final = 1.0


class Steps:
    """The fleet's state, and what changes it.

    Attributes:
        crew: All places of the fleet.
        target: Workers wanted.
        shutdown: The stop that was asked for.
        reclaims: Dead owners whose jobs are not given back yet.
        reloading: The reload that is under way, if any.
        pausing: Whether the workers were told to claim nothing.
        brake: Stops a crash loop.
        booting: How far its start is.
        slots_used: The highest slot ever used, plus one.
        over: Nothing runs any more, and nothing will.
        exit_code: Of the fleet, once it is over.
    """

    def __init__(
        self,
        settings: FleetSettings,
        crew: Crew,
        fleet: FleetBoard,
        selector: selectors.BaseSelector,
        owners: OwnersFile,
        log: Log,
    ) -> None:
        self.crew = crew
        self.target = settings.workers
        self.shutdown = Shutdown(settings.drain_seconds)
        self.reclaims = Reclaims()
        self._planned = Planned(settings, crew, fleet, log, self._leave)
        self.reloading = self._planned.reloading
        self.pausing = Pausing(crew, log)
        self.over = False
        self.exit_code = exits.OK
        self._settings = settings
        self._fleet = fleet
        self._owners = owners
        self._log = log
        self.brake = Brake(settings.restart, crew, fleet, log)
        self._channels = Channels(selector, self.reclaims, log, self._look)
        self._endings = Endings(fleet, log)
        self._faults = Faults(log)
        self._forks_left = 0
        self._patrol = Patrol(crew, fleet, log)
        self._reaping = Reaping(
            crew, fleet, self._endings, self._channels, self._patrol, self.reclaims, self._faults
        )
        self.booting = Booting(crew)
        self.slots_used = 0
        self.leaving = Leaving(crew, self.reclaims, log)

    # The loop's side --------------------------------------------------------------------------

    def next_deadline(self) -> float:
        """When something is due at the latest, monotonic seconds. The slots hold the truth."""
        soonest = min(self.leaving.until, self.reloading.look_at, self.pausing.until)
        for member in self.crew:
            if member.slot.deadline is not None:
                soonest = min(soonest, member.slot.deadline, self.brake.proof_at(member))
        return soonest

    def slept(self, now: float, lag: float) -> None:
        """The loop did not run for ``lag`` seconds: nobody's silence counts, nor does a drain."""
        self._log.warning(Event.PARENT_LATE, lag_seconds=lag)
        self._planned.recycling.slept(now)
        self.reloading.slept(lag)
        for member in self.crew:
            self._look(member, now)
            member.slot.forgive(now, lag)
        self.leaving.until += lag
        self.shutdown.slept(lag)
        if self.shutdown.deadline is not None:
            self._fleet.set(words.DRAIN_DEADLINE_NS, int(self.shutdown.deadline * NS))

    def reap(self, now: float) -> None:
        """Take in all that ended."""
        self._reaping.take_in(now, self._judged)

    def act(self, now: float) -> None:
        """Do all that is due, and bring the board up to date."""
        guard = self._faults.guard
        guard("endings", self._endings.watch, now)
        guard("patrol", self._patrol.act, now)
        self._forks_left = _FORKS_A_PASS
        for member in self.crew:
            deadline = member.slot.deadline
            if deadline is None:
                continue
            if deadline <= now and not guard(member.name, self._due, member, now):
                member.slot.deadline = now + _FAULT_SECONDS
            guard("brake", self.brake.look, member, now)
        self.pausing.act(now)
        if self.shutdown.deadline is None:
            if self.booting.act(now):
                self._log.info(Event.FLEET_STARTING, pid=self._fleet.pid, workers=self.target)
                self.scale(now, self.target)
            if self.booting.done:
                guard("planned restarts", self._planned.act, now, self.target)
            limit = self._settings.give_up_seconds
            if limit is not None and self.brake.seconds_on(now) >= limit:
                self.stop(now, code=exits.GAVE_UP)
        if self.shutdown.deadline is not None:
            self._advance_stop(now)
        guard("reclaims", self._channels.tell_reclaims, self.crew.janitor)
        guard("board", publish, self, self._fleet)

    def facts(self) -> Facts:
        """What a service manager may know."""
        serving = sum(worker.serving for worker in self.crew.workers)
        reloading = self.reloading.active
        return Facts(self._fleet.state, self.booting.announced, reloading, serving, self.target)

    # What the operator asks for -----------------------------------------------------------------

    def stop(self, now: float, *, at_once: bool = False, code: int = exits.OK) -> None:
        """Stop the fleet; a repeat only shortens what is left. ``code``: why, when nobody asked."""
        if not self.shutdown.ask(now, at_once=at_once):
            return
        self.exit_code = self.exit_code or code
        deadline = self.shutdown.deadline
        assert deadline is not None
        self._fleet.set(words.DRAIN_DEADLINE_NS, int(deadline * NS))
        left = max(0.0, deadline - now)
        if not self.booting.refused:
            self._log.info(Event.FLEET_DRAINING, seconds=left, request=self.shutdown.requests)
        self.reloading.cancel()
        for worker in self.crew.workers:
            slot = worker.slot
            slot.unwant(now)
            actions = slot.stop(now, deadline) if deadline > now else slot.kill(now)
            carry_out(worker, actions, self._log)

    def scale(self, now: float, target: int) -> bool:
        """Want ``target`` workers from now on; False when that is impossible."""
        if self.shutdown.deadline is not None or not 1 <= target < len(self.crew.workers):
            return False
        if target != self.target:
            self._log.info(Event.FLEET_SCALED, before=self.target, workers=target)
        self.target = target
        for worker in self.crew.workers if self.booting.done else ():
            if worker.index < target:
                worker.slot.want(now)
            elif worker.slot.wanted and not self._planned.is_extra(worker):
                self.reloading.drop(worker.index)
                self._leave(worker, now)
        return True

    def reload(
        self,
        now: float,
        settings: FleetSettings | None = None,
        proved: Callable[[float], int] | None = None,
    ) -> bool:
        """Replace all workers, one at a time; False when that cannot begin now.

        ``proved`` is called when it ended well; see ``Reloading.begin``.
        """
        return self.can_reload and self.reloading.begin(now, self.target, settings, proved)

    @property
    def can_reload(self) -> bool:
        """Whether a reload could begin now."""
        busy = not self.booting.done or self.reloading.active
        return not busy and self.shutdown.deadline is None

    def replace(self, worker: Member, now: float) -> bool:
        """Have one worker replaced. False: it has no process, or leaves.

        One that serves waits for its turn among the planned restarts, and until an extra worker is
        ready; another one has nothing to wait for.
        """
        if worker.serving and worker.index < self.target:
            self._planned.recycling.ask(worker)
            return True
        actions = worker.slot.stop(now, now + self._settings.drain_seconds)
        carry_out(worker, actions, self._log)
        return bool(actions)

    def retry(self, now: float) -> int:
        """Start now whatever waits for its next start; returns how many."""
        return self.brake.retry(now)

    # --------------------------------------------------------------------------------------------

    def _leave(self, worker: Member, now: float) -> None:
        """It is no longer wanted."""
        worker.slot.unwant(now)
        self.brake.forget(worker, now)
        until = now + self._settings.drain_seconds
        carry_out(worker, worker.slot.stop(now, until), self._log)

    def _due(self, member: Member, now: float) -> None:
        """The slot's time has come."""
        self._look(member, now)
        actions = member.slot.due(now)
        if Action.START in actions:
            if self._forks_left > 0 and self.brake.lets_start(member, now):
                self._forks_left -= 1
                self._start(member, now)
            return
        if Action.LOOK in actions:
            actions = self._patrol.judge(member, now)
        elif Action.DUMP in actions:
            self._patrol.suspected(member)
        carry_out(member, actions, self._log)

    def _start(self, member: Member, now: float) -> None:
        slot = member.slot
        slot.forking(now)
        process = self.crew.launch(member, now)
        if process is None:
            self._fleet.add(words.FORKS_FAILED)
            self.brake.forget(member, now)
            delay = member.backoff.delay(
                Cause.FORK_FAILED, lived_seconds=0.0, ready_seconds=0.0, progress=False
            )
            slot.deferred(now, now + delay)
            return
        slot.forked(now)
        self._owners.appended(lambda: self.crew.known() + self.reclaims.pending)
        self._channels.watch(member, process)
        if member.role is Role.WORKER:
            self.pausing.tell(process)
        self.slots_used = max(self.slots_used, member.index + 1)

    def _look(self, member: Member, now: float) -> None:
        carry_out(member, member.observe(now, self._fleet.board), self._log)
        if self.booting.announces(member):
            self._log.info(Event.FLEET_READY, workers=self.target)

    def _judged(self, member: Member, ending: Ending, now: float) -> None:
        """What an end means for the fleet."""
        cause = ending.cause
        if self.shutdown.deadline is not None:
            if cause is Cause.DRAIN_CUT and member.role is Role.WORKER:
                self.exit_code = self.exit_code or exits.DRAIN_CUT
            return
        if member.role is Role.WORKER:
            self.brake.ended(member, cause, now, self.target)
            # before its successor is forked: that must not get what a reload has just failed with
            self.reloading.act(now, self.target)
        code = self.booting.impossible(member, ending)
        if code is not None:
            self.stop(now, code=code)

    def _advance_stop(self, now: float) -> None:
        self.over = self.leaving.act(now)
        if self.over and not self.booting.refused:
            left = len(self.reclaims) or None
            self._log.info(Event.FLEET_STOPPED, code=self.exit_code, not_given_back=left)
