"""Unix time for ages of jobs and ends of retries: a clock that is set is not believed at once.

How long a job has been tried is told in Unix time, because its tries may be of several processes
and hosts. A wall clock that somebody sets an hour ahead would end all retries at that moment. So
time goes on at the pace of a clock that nobody sets, and a jump counts only after the longest
that a job is tried: what was stamped before it has come to its end by then.
"""

from __future__ import annotations

import time
from typing import Final

from sockq.workers.retry import FRESH_MS

#: A clock that is held in step never moves so far at once.
_STEP_MS: Final = 2_000
_BELIEVED_MS: Final = FRESH_MS
#: Counts the time that the machine sleeps, where there is one that does.
_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class UnixClock:
    """Unix milliseconds out of a wall clock and one that nobody sets. Pure: it is told both."""

    def __init__(self) -> None:
        self._ahead: int | None = None
        self._jumped_at: int | None = None

    def now_ms(self, wall_ms: int, steady_ms: int) -> int:
        """What counts as Unix time now."""
        ahead = wall_ms - steady_ms
        if self._ahead is None or abs(ahead - self._ahead) <= _STEP_MS:
            self._ahead, self._jumped_at = ahead, None
            return wall_ms
        if self._jumped_at is None:
            self._jumped_at = steady_ms
        if steady_ms - self._jumped_at >= _BELIEVED_MS:
            self._ahead, self._jumped_at = ahead, None
            return wall_ms
        return steady_ms + self._ahead


_clock: Final = UnixClock()


def unix_ms() -> int:
    """Unix milliseconds, by the clock of this process."""
    return _clock.now_ms(time.time_ns() // 1_000_000, time.clock_gettime_ns(_STEADY) // 1_000_000)
