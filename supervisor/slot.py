"""What a slot of the fleet does next: a pure state machine, events in, actions out.

A slot holds at most one process. Every state but EMPTY has a timer (``Slot.deadline``), so no slot
waits for something that never comes. The caller feeds events with the time (monotonic seconds),
carries out the actions it gets back, and calls ``due`` when the deadline has passed.

    EMPTY --want--> (due) START --forking--> SPAWNING --forked--> BOOTING --ready--> READY …
    READY | DEGRADED | PAUSED --silent--> SUSPECT --still silent--> KILLING --exited--> DEAD …
    any running --stop--> DRAINING --late--> KILLING
    DEAD | BACKOFF | HELD --due--> START           (or EMPTY when the slot is no longer wanted)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Final

from sockq.workers.board import WorkerState


class SlotState(IntEnum):
    """Where a slot is. The number is what the board shows."""

    EMPTY = 0
    SPAWNING = 1
    BOOTING = 2
    READY = 3
    DEGRADED = 4
    PAUSED = 5
    SUSPECT = 6
    DRAINING = 7
    KILLING = 8
    DEAD = 9
    BACKOFF = 10
    HELD = 11


class Action(Enum):
    """What the caller has to do now."""

    #: Start a process, or say ``deferred`` when that must wait.
    START = auto()
    #: Ask the process to finish and leave.
    DRAIN = auto()
    #: Have the process print its stacks.
    DUMP = auto()
    #: SIGKILL.
    KILL = auto()
    #: A killed process is still there: report it.
    STUCK = auto()


Actions = tuple[Action, ...]

RUNNING: Final = frozenset(
    {
        SlotState.BOOTING,
        SlotState.READY,
        SlotState.DEGRADED,
        SlotState.PAUSED,
        SlotState.SUSPECT,
        SlotState.DRAINING,
        SlotState.KILLING,
    }
)
SERVING: Final = frozenset({SlotState.READY, SlotState.DEGRADED, SlotState.PAUSED})
_IDLE: Final = frozenset({SlotState.EMPTY, SlotState.DEAD, SlotState.BACKOFF, SlotState.HELD})
_OF_WORKER: Final = {
    WorkerState.READY: SlotState.READY,
    WorkerState.DEGRADED: SlotState.DEGRADED,
    WorkerState.PAUSED: SlotState.PAUSED,
}


@dataclass(frozen=True, slots=True)
class SlotLimits:
    """How long a state may last, seconds.

    Attributes:
        boot_seconds: From the fork to ready.
        hang_seconds: From one beat to the next.
        suspect_seconds: From the stack dump to the kill.
        kill_seconds: From SIGKILL to the report that the process does not go.
        spawn_seconds: From the decision to fork to its result (a guard, never reached).
    """

    boot_seconds: float = 60.0
    hang_seconds: float = 15.0
    suspect_seconds: float = 1.0
    kill_seconds: float = 5.0
    spawn_seconds: float = 5.0

    @property
    def silence_seconds(self) -> float:
        """For the dead-man alarm: longer than the parent's own patience, which knows more."""
        return 2 * self.hang_seconds + self.suspect_seconds

    @property
    def boot_silence_seconds(self) -> float:
        """The same for a process that is not ready yet."""
        return 2 * max(self.boot_seconds, self.hang_seconds) + self.suspect_seconds


class Slot:
    """One slot.

    Attributes:
        state: Where it is.
        since: When it came there.
        deadline: When ``due`` must be called; None only when EMPTY and not wanted.
        wanted: Whether a process that ends is to be replaced.
        ready_at: When the process became ready, or None.
        hung: The process was found silent and is being killed for it.
        late: The process outlasted its drain and is being killed for it.
        stopping: The process was asked to leave.
        before_suspect: Where it was when it was found silent.
    """

    def __init__(self, limits: SlotLimits) -> None:
        self.limits = limits
        self.state = SlotState.EMPTY
        self.since = 0.0
        self.deadline: float | None = None
        self.wanted = False
        self.ready_at: float | None = None
        self.hung = self.late = self.stopping = False
        self._beat = 0.0
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
        if self.state in _IDLE:
            self._enter(SlotState.EMPTY, now, None)
        return ()

    def stop(self, now: float, deadline: float) -> Actions:
        """Drain the process until ``deadline``; a later call can only make it earlier."""
        match self.state:
            case state if state in _IDLE or state is SlotState.KILLING:
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
        assert self.state in _IDLE, self.state
        self.hung = self.late = self.stopping = False
        self.ready_at = None
        self._enter(SlotState.SPAWNING, now, now + self.limits.spawn_seconds)
        return ()

    def deferred(self, now: float, until: float, *, held: bool = False) -> Actions:
        """START has to wait for ``until``: budget, failed fork, or (``held``) the breaker."""
        assert self.state in _IDLE or self.state is SlotState.SPAWNING, self.state
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
        if state is SlotState.SUSPECT:
            if self.before_suspect is SlotState.BOOTING:
                if worker not in _OF_WORKER:
                    return ()
            elif not moved:
                return ()
            state = self.before_suspect
        elif state is SlotState.BOOTING:
            if worker not in _OF_WORKER:
                return ()
        elif state not in SERVING:
            return ()
        if self.ready_at is None:
            self.ready_at = now
            self._beat = max(self._beat, now)
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
                self.hung = True
                return self._kill(now)
            case SlotState.DRAINING:
                self.late = True
                return self._kill(now)
            case SlotState.KILLING:
                self.deadline = now + self.limits.kill_seconds
                return (Action.STUCK, Action.KILL)

    def forgive(self, now: float, lag: float) -> Actions:
        """The caller itself slept for ``lag`` seconds: no verdict on silence from before."""
        self._forgiven = now
        if self.state is SlotState.SUSPECT:
            self._enter(self.before_suspect, now, None)
        if self.state is SlotState.BOOTING:
            self._boot_deadline += lag
            self.deadline = max(self._boot_deadline, now)
        elif self.state in SERVING:
            self.deadline = self._silent_at()
        return ()

    # ------------------------------------------------------------------------------------------

    def _silent_at(self) -> float:
        return max(self._beat, self._forgiven) + self.limits.hang_seconds

    def _kill(self, now: float) -> Actions:
        self._enter(SlotState.KILLING, now, now + self.limits.kill_seconds)
        return (Action.KILL,)

    def _enter(self, state: SlotState, now: float, deadline: float | None) -> None:
        self.state = state
        self.since = now
        self.deadline = deadline
