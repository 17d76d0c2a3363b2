"""Measures what a process takes, and how much of it the machine is to blame for."""

from __future__ import annotations

import time
from typing import Final

from support.chaos import proc

_OWN: Final = "thread-self"


class Stopwatch:
    """Runs from its making.

    Args:
        pid: Of the process that is waited for; the kernel counts how long it, and the thread that
            waits, had no processor.

    Attributes:
        began: Monotonic seconds.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = [proc.starved_seconds(who) for who in (pid, _OWN)]
        self.began = time.monotonic()

    def read(self) -> tuple[float, float]:
        """Seconds until now, and those of them in which one of the two was starved."""
        seconds = time.monotonic() - self.began
        now = [proc.starved_seconds(who) for who in (self._pid, _OWN)]
        # a process that has ended counts as one that never waited
        return seconds, sum(max(0.0, b - a) for a, b in zip(self._before, now, strict=True))

    @property
    def own_seconds(self) -> float:
        """What is left when the machine's part is taken away."""
        seconds, starved = self.read()
        return max(0.0, seconds - starved)
