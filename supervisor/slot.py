"""What a slot of the fleet does next: a pure state machine, events in, actions out.

A slot holds at most one process. Every state but EMPTY has a timer (``Slot.deadline``), so no slot
waits for something that never comes. The caller feeds events with the time (monotonic seconds),
carries out the actions it gets back, and calls ``due`` when the deadline has passed.

    EMPTY --want--> (due) START --forking--> SPAWNING --forked--> BOOTING --ready--> READY …
    BOOTING | READY | DEGRADED | PAUSED --silent--> SUSPECT --judged--> KILLING --exited--> DEAD …
    the same --stopped by somebody--> STOPPED --for too long--> KILLING
    any running --stop--> DRAINING --late--> KILLING
    DEAD | BACKOFF | HELD --due--> START           (or EMPTY when the slot is no longer wanted)
"""

from __future__ import annotations

from typing import Final

from sockq.supervisor.silence import Verdict
from sockq.supervisor.slot_states import (
    IDLE,
    RUNNING,
    SERVING,
    Action,
    Actions,
    SlotLimits,
    SlotState,
)
from sockq.workers.board import WorkerState

_OF_WORKER: Final = {
    WorkerState.READY: SlotState.READY,
    WorkerState.DEGRADED: SlotState.DEGRADED,
    WorkerState.PAUSED: SlotState.PAUSED,
}
_ALIVE: Final = SERVING | {SlotState.BOOTING}
_ENDING: Final = frozenset({SlotState.DRAINING, SlotState.KILLING})


class Slot:
    """One slot.

    Attributes:
        state: Where it is.
        since: When it came there.
        deadline: When ``due`` must be called; None only when EMPTY and not wanted.
        wanted: Whether a process that ends is to be replaced.
        ready_at: When the process became ready, or None.
        hung: The process was found silent and is being killed for it.
        frozen: Somebody stopped the process, and it is being killed because that lasted too long.
        late: The process outlasted its drain and is being killed for it.
        stopping: The process was asked to leave.
        before_suspect: Where it was when it was found silent, or stopped.
        stuck: Not even SIGKILL gets through: it hangs in the kernel.
    """

    def __init__(self, limits: SlotLimits) -> None:
        self.limits = limits
        self.state = SlotState.EMPTY
        self.since = 0.0
        self.deadline: float | None = None
        self.wanted = False
        self.ready_at: float | None = None
        self.hung = self.frozen = self.late = self.stopping = self.stuck = False
        self._beat = 0.0
        self._extended = False
        self._forgiven = 0.0
        self.before_suspect = SlotState.BOOTING
        self._boot_deadline = 0.0

    # What is wanted ---------------------------------------------------------------------------

    def want(self, now: float) -> Actions:
        """A process is wanted here from now on."""
        self.wanted = True
        if self.state is SlotState.EMPTY:
            self.deadline = now
        return ()

    def unwant(self, now: float) -> Actions:
        """No process is wanted any more; one that runs is left to ``stop``."""
        self.wanted = False
        if self.state in IDLE:
            self._enter(SlotState.EMPTY, now, None)
        return ()

    def stop(self, now: float, deadline: float) -> Actions:
        """Drain the process until ``deadline``; a later call can only make it earlier."""
        match self.state:
            case state if state in IDLE or state is SlotState.KILLING:
                return ()
            case SlotState.SPAWNING:
                return ()
            case SlotState.DRAINING:
                assert self.deadline is not None
                self.deadline = min(self.deadline, deadline)
                return ()
            case _:
                self.stopping = True
                self._enter(SlotState.DRAINING, now, deadline)
                return (Action.DRAIN,)

    def kill(self, now: float) -> Actions:
        """End the process now; it counts as asked for."""
        if self.state not in RUNNING or self.state is SlotState.KILLING:
            return ()
        self.stopping = self.late = True
        return self._kill(now)

    # What happens to the process --------------------------------------------------------------

    def forking(self, now: float) -> Actions:
        """A fork is about to be tried, in answer to START."""
        assert self.state in IDLE, self.state
        self.hung = self.frozen = self.late = self.stopping = self.stuck = self._extended = False
        self.ready_at = None
        self._enter(SlotState.SPAWNING, now, now + self.limits.spawn_seconds)
        return ()

    def deferred(self, now: float, until: float, *, held: bool = False) -> Actions:
        """START has to wait for ``until``: budget, failed fork, or (``held``) the breaker."""
        assert self.state in IDLE or self.state is SlotState.SPAWNING, self.state
        self._enter(SlotState.HELD if held else SlotState.BACKOFF, now, until)
        return ()

    def forked(self, now: float) -> Actions:
        """The process exists."""
        assert self.state is SlotState.SPAWNING, self.state
        self._beat = now
        self._boot_deadline = now + self.limits.boot_seconds
        self._enter(SlotState.BOOTING, now, self._boot_deadline)
        return ()

    def observed(self, now: float, worker: WorkerState, beat: float) -> Actions:
        """The board says ``worker``, last beat at ``beat``."""
        moved = beat > self._beat
        self._beat = max(self._beat, beat)
        state = self.state
        if state in (SlotState.SUSPECT, SlotState.STOPPED):
            state = self.before_suspect
            if state is not SlotState.BOOTING and not moved:
                return ()
        if state not in _ALIVE or (state is SlotState.BOOTING and worker not in _OF_WORKER):
            return ()
        if self.ready_at is None:
            self.ready_at = now
            self._beat = max(self._beat, now)
        self.stuck = False
        self._extended = self._extended and not moved
        new = _OF_WORKER.get(worker, state)
        if new is not self.state:
            self._enter(new, now, None)
        self.deadline = self._silent_at()
        return ()

    def exited(self, now: float, restart_at: float) -> Actions:
        """The process is gone and reaped; the next one may start at ``restart_at``."""
        assert self.state in RUNNING, self.state
        if not self.wanted:
            self._enter(SlotState.EMPTY, now, None)
        elif restart_at <= now:
            self._enter(SlotState.DEAD, now, now)
        else:
            self._enter(SlotState.BACKOFF, now, restart_at)
        return ()

    def found_stopped(self, now: float) -> Actions:
        """Somebody stopped the process; it is not silent by its own fault."""
        if self.state in _ALIVE:
            self.before_suspect = self.state
        elif self.state is not SlotState.SUSPECT:
            return ()
        self._enter(SlotState.STOPPED, now, now + self.limits.stopped_seconds)
        return ()

    def found_running(self, now: float) -> Actions:
        """The process that was stopped goes on: it has its time again."""
        if self.state is SlotState.STOPPED:
            self._go_back(now, now - self.since)
        return ()

    def judged(self, now: float, verdict: Verdict) -> Actions:
        """What came of LOOK."""
        if self.state is not SlotState.SUSPECT:
            return ()
        self.stuck = verdict is Verdict.BLOCKED or (self.stuck and verdict is Verdict.UNSEEN)
        match verdict:
            case Verdict.KILL:
                self.hung = True
                return self._kill(now)
            case Verdict.STOPPED:
                return self.found_stopped(now)
            case Verdict.BLOCKED | Verdict.UNSEEN:
                self.deadline = now + self.limits.suspect_seconds
            case Verdict.BUSY:
                self._extended = True
                self.deadline = max(now, now - self.silent(now) + 2 * self.patience)
        return ()

    @property
    def extended(self) -> bool:
        """Whether it was given more time, because it works, since its last beat."""
        return self._extended

    @property
    def patience(self) -> float:
        """For how long it may be silent, seconds."""
        booting = self.before_suspect is SlotState.BOOTING
        return self.limits.boot_seconds if booting else self.limits.hang_seconds

    def silent(self, now: float) -> float:
        """For how long it has been silent: since its last beat, or since its fork."""
        if self.before_suspect is SlotState.BOOTING and self.ready_at is None:
            return now - (self._boot_deadline - self.limits.boot_seconds)
        return now - max(self._beat, self._forgiven)

    # Time -------------------------------------------------------------------------------------

    def due(self, now: float) -> Actions:  # noqa: PLR0911 - one answer per state
        """The deadline has passed (nothing happens when it has not)."""
        if self.deadline is None or now < self.deadline:
            return ()
        match self.state:
            case SlotState.EMPTY | SlotState.DEAD | SlotState.BACKOFF | SlotState.HELD:
                if not self.wanted:
                    self._enter(SlotState.EMPTY, now, None)
                    return ()
                return (Action.START,)
            case SlotState.SPAWNING:
                self._enter(SlotState.BACKOFF, now, now + self.limits.spawn_seconds)
                return ()
            case SlotState.BOOTING | SlotState.READY | SlotState.DEGRADED | SlotState.PAUSED:
                self.before_suspect = self.state
                self._enter(SlotState.SUSPECT, now, now + self.limits.suspect_seconds)
                return (Action.DUMP,)
            case SlotState.SUSPECT:
                self.deadline = now + self.limits.suspect_seconds
                return (Action.LOOK,)
            case SlotState.STOPPED:
                self.frozen = True
                return self._kill(now)
            case SlotState.DRAINING:
                self.late = True
                return self._kill(now)
            case SlotState.KILLING:
                self.stuck = True
                self.deadline = now + self.limits.kill_seconds
                return (Action.STUCK, Action.KILL)

    def forgive(self, now: float, lag: float) -> Actions:
        """The caller itself slept for ``lag`` seconds: nobody is judged by time from before."""
        if self.state in (SlotState.SUSPECT, SlotState.STOPPED):
            self._go_back(now, lag)
        else:
            self._forgive(now, lag)
        return ()

    # ------------------------------------------------------------------------------------------

    def _go_back(self, now: float, lag: float) -> None:
        """To where it was before it was found silent or stopped."""
        self.stuck = False
        self._enter(self.before_suspect, now, None)
        self._forgive(now, lag)

    def _forgive(self, now: float, lag: float) -> None:
        self._forgiven = now
        if self.state is SlotState.BOOTING:
            self._boot_deadline += lag
            self.deadline = max(self._boot_deadline, now)
        elif self.state in SERVING:
            self.deadline = self._silent_at()
        elif self.state in _ENDING:
            assert self.deadline is not None
            self.deadline += lag

    def _silent_at(self) -> float:
        return max(self._beat, self._forgiven) + self.limits.hang_seconds

    def _kill(self, now: float) -> Actions:
        self._enter(SlotState.KILLING, now, now + self.limits.kill_seconds)
        return (Action.KILL,)

    def _enter(self, state: SlotState, now: float, deadline: float | None) -> None:
        self.state = state
        self.since = now
        self.deadline = deadline
