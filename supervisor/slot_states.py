"""The words of a slot's state machine: its states, its actions, its timers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Final


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
    #: Somebody stopped the process: SIGSTOP, a debugger.
    STOPPED = 12


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
    #: Look at the silent process from outside, and say ``judged``.
    LOOK = auto()
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
        SlotState.STOPPED,
        SlotState.DRAINING,
        SlotState.KILLING,
    }
)
#: Ready, and not known to be ill.
SERVING: Final = frozenset({SlotState.READY, SlotState.DEGRADED, SlotState.PAUSED})
IDLE: Final = frozenset({SlotState.EMPTY, SlotState.DEAD, SlotState.BACKOFF, SlotState.HELD})


@dataclass(frozen=True, slots=True)
class SlotLimits:
    """How long a state may last, seconds.

    Attributes:
        boot_seconds: From the fork to ready.
        hang_seconds: From one beat to the next.
        suspect_seconds: From the stack dump to the verdict.
        stopped_seconds: A process that somebody stopped is left alone for this long.
        kill_seconds: From SIGKILL to the report that the process does not go.
        spawn_seconds: From the decision to fork to its result (a guard, never reached).
    """

    boot_seconds: float = 60.0
    hang_seconds: float = 15.0
    suspect_seconds: float = 1.0
    stopped_seconds: float = 60.0
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
