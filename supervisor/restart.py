"""Why a process ended, and when its replacement starts. Pure: ``now`` and chance are arguments.

Three brakes, from the mildest: planned ends restart at once; crashes back off per slot; many
crashes of the whole fleet without a success open the breaker, which lets one canary try.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from sockq.workers import exits


class Cause(IntEnum):
    """Why a process ended. The number is what the board shows; the name, in lower case, logs."""

    NONE = 0
    #: The parent asked for it.
    EXPECTED = 1
    #: It left by itself in good order: somebody else asked it to, or its drain was cut.
    STOPPED = 2
    RECYCLED = 3
    TEMPFAIL = 4
    CONFIG = 5
    CRASH = 6
    OOM = 7
    HUNG = 8
    #: Killed because its drain took too long.
    DRAIN_CUT = 9
    #: It never existed: the fork failed.
    FORK_FAILED = 10
    #: SIGKILL from outside while it served: an operator, or a kernel whose reason nobody tells.
    KILLED = 11

    @property
    def label(self) -> str:
        """The name as logs show it: ``hung``, ``drain-cut``."""
        return self.name.lower().replace("_", "-")


#: Ends that speak against the code or the machine, and feed the breaker.
COUNTED: Final = frozenset({Cause.CRASH, Cause.OOM, Cause.HUNG})
#: Ends that may be the work of a job that the process held.
BLAMED: Final = COUNTED | {Cause.KILLED}


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: ``code`` for an exit, else ``signal``."""

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_wait_status(cls, status: int) -> Exit:
        """Split what ``wait4`` returned."""
        low = status & 0x7F
        return cls(signal=low) if low else cls(code=status >> 8 & 0xFF)

    @property
    def word(self) -> int:
        """One number for the board: the code, or 256 + signal."""
        return 256 + self.signal if self.signal is not None else self.code or 0

    @classmethod
    def from_word(cls, word: int) -> Exit:
        """The opposite of ``word``."""
        return cls(signal=word - 256) if word >= 256 else cls(code=word)  # noqa: PLR2004

    def __str__(self) -> str:
        if self.signal is None:
            return f"exit {self.code}"
        try:
            return signal.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"


def classify(  # noqa: PLR0911 - one line per cause reads best
    end: Exit, *, stopping: bool, hung: bool, late: bool, was_ready: bool, oom: bool = False
) -> Cause:
    """Name the cause of an end.

    Args:
        end: The status.
        stopping: The parent had asked the process to leave.
        hung: The parent killed it because it was silent.
        late: The parent killed it because its drain took too long.
        was_ready: It had been ready.
        oom: The kernel killed a process of this group for memory meanwhile.
    """
    if hung or end.signal == signal.SIGALRM:  # the latter: its own dead-man alarm
        return Cause.HUNG
    if late:
        return Cause.DRAIN_CUT
    in_order = end.code in (exits.OK, exits.DRAIN_CUT) or end.signal == signal.SIGTERM
    match end:
        case _ if stopping and in_order:
            return Cause.DRAIN_CUT if end.code == exits.DRAIN_CUT else Cause.EXPECTED
        case Exit(code=exits.RECYCLE):
            return Cause.RECYCLED
        case Exit(code=exits.UNAVAILABLE):
            return Cause.TEMPFAIL
        case Exit(code=exits.CONFIG | exits.USAGE):
            return Cause.CONFIG
        case Exit(signal=signal.SIGKILL) if oom:
            return Cause.OOM
        case _ if in_order and (was_ready or end.signal is not None):
            return Cause.STOPPED
        case Exit(signal=signal.SIGKILL) if was_ready:
            return Cause.KILLED
        case _:
            return Cause.CRASH


@dataclass(frozen=True, slots=True)
class RestartSettings:
    """The brakes, seconds.

    Attributes:
        first_seconds: Delay after a first crash of a process that was not ready yet; doubles.
        cap_seconds: Longest delay, and the interval of the canary.
        reset_seconds: Ready for this long, with progress: earlier crashes are forgotten.
        flat_seconds: Delay after a temporary failure: between these two.
        killed_seconds: Longest delay after SIGKILL from outside: no fault of the code's, so its
            replacement serves soon however often it happens.
        brief_seconds: A planned end that comes sooner after the start is slowed to one per this.
        window_seconds: The breaker counts the crashes of this long a time.
        proof_seconds: Ready for this long, a replacement counts as a success.
    """

    first_seconds: float = 0.5
    cap_seconds: float = 30.0
    reset_seconds: float = 60.0
    flat_seconds: tuple[float, float] = (2.0, 5.0)
    killed_seconds: float = 1.0
    brief_seconds: float = 0.5
    window_seconds: float = 60.0
    proof_seconds: float = 10.0


class Backoff:
    """The delays of one slot.

    Attributes:
        crashes: Crashes in a row.
    """

    def __init__(self, settings: RestartSettings, chance: Callable[[], float]) -> None:
        self._settings = settings
        self._chance = chance
        self._kills = 0
        self.crashes = 0

    def delay(
        self, cause: Cause, *, lived_seconds: float, ready_seconds: float, progress: bool
    ) -> float:
        """Seconds until the replacement may start.

        Args:
            cause: Of this end.
            lived_seconds: From its fork to its end.
            ready_seconds: From ready to its end; 0 when it was never ready.
            progress: The backend answered it, or it settled a job.
        """
        rules = self._settings
        if ready_seconds >= rules.reset_seconds and progress:
            self.crashes = self._kills = 0
        match cause:
            case Cause.TEMPFAIL:
                low, high = rules.flat_seconds
                return low + (high - low) * self._chance()
            case Cause.KILLED:
                if progress:  # it worked until then, so what crashed before is over
                    self.crashes = 0
                self._kills += 1
                again = self._kills > 1
                return self._jittered(rules.killed_seconds, self._kills) if again else 0.0
            case Cause.CRASH | Cause.OOM | Cause.HUNG | Cause.CONFIG | Cause.FORK_FAILED:
                self.crashes += 1
                if self.crashes == 1 and ready_seconds > 0 and cause is not Cause.CONFIG:
                    return 0.0
                return self._jittered(rules.cap_seconds, self.crashes)
            case _:
                return 0.0 if lived_seconds >= rules.brief_seconds else rules.brief_seconds

    def _jittered(self, cap_seconds: float, times: int) -> float:
        doubled = self._settings.first_seconds * 2.0 ** min(times - 1, 40)
        return min(cap_seconds, doubled) * (0.5 + 0.5 * self._chance())


class BreakerState(IntEnum):
    """Whether the fleet's replacements may start."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2


class Breaker:
    """Stops a fleet from restarting for ever: at most one canary while nothing succeeds.

    Attributes:
        state: CLOSED lets all start; OPEN one per ``cap_seconds``; HALF_OPEN 1, 2, 4 … slots.
        retry_at: When the next canary may start (OPEN).
        opened_at: When it left CLOSED.
    """

    def __init__(self, settings: RestartSettings) -> None:
        self._settings = settings
        self._crashes: deque[float] = deque()
        self._trial: set[int] = set()
        self._proven: set[int] = set()
        self._allowed = 1
        self.state = BreakerState.CLOSED
        self.retry_at = 0.0
        self.opened_at = 0.0

    def crashed(self, now: float, slot: int, target: int) -> bool:
        """Count a crash; True when the breaker opens by it."""
        if self.state is not BreakerState.CLOSED:
            if slot in self._trial:
                self._open(now)
            return False
        self._crashes.append(now)
        while self._crashes[0] <= now - self._settings.window_seconds:
            self._crashes.popleft()
        if len(self._crashes) < max(5, 2 * target):
            return False
        self.opened_at = now
        self._open(now)
        return True

    def succeeded(self, slot: int, waiting: int) -> bool:
        """A replacement proved itself; True when the breaker closes by it.

        Args:
            slot: Which one.
            waiting: Slots that still wait for their start.
        """
        self._crashes.clear()
        if self.state is BreakerState.CLOSED or slot not in self._trial:
            return False
        self._proven.add(slot)
        self.state = BreakerState.HALF_OPEN
        if not self._proven >= self._trial:
            return False
        if len(self._trial) >= self._allowed:
            self._allowed *= 2
        if waiting and self._allowed < len(self._trial) + waiting:
            return False
        self.state = BreakerState.CLOSED
        return True

    def start_at(self, now: float, slot: int) -> float:
        """When ``slot`` may start; ``now`` means that it has its place on trial."""
        match self.state:
            case BreakerState.CLOSED:
                return now
            case BreakerState.OPEN if now < self.retry_at:
                return self.retry_at
            case _ if slot in self._trial or len(self._trial) < self._allowed:
                self._trial.add(slot)
                return now
            case _:
                return now + self._settings.proof_seconds / 4

    def forget(self, slot: int) -> None:
        """The slot is no longer wanted: another one may take its place on trial."""
        self._trial.discard(slot)
        self._proven.discard(slot)

    def settle(self, unproven: int) -> bool:
        """Whether there is nothing left to try; True when the breaker closes by it.

        Args:
            unproven: Wanted slots without a process that has proved itself.
        """
        if self.state is BreakerState.CLOSED or unproven or not self._trial <= self._proven:
            return False
        self.state = BreakerState.CLOSED
        self._crashes.clear()
        return True

    def _open(self, now: float) -> None:
        self.state = BreakerState.OPEN
        self.retry_at = now + self._settings.cap_seconds
        self._crashes.clear()
        self._trial.clear()
        self._proven.clear()
        self._allowed = 1
