"""On a terminal: how a drain goes, one short line a second. The parent never waits for it."""

from __future__ import annotations

import contextlib
import os
import select
from typing import Final

_STEP_SECONDS: Final = 1.0
_BAR: Final = 20
_STDERR: Final = 2


class DrainNotice:
    """Says how many jobs are left.

    Args:
        fd: Where to; nothing is said when that is no terminal.
    """

    def __init__(self, fd: int = _STDERR) -> None:
        self._fd = fd
        self._on = _is_terminal(fd)
        self._most = 0
        self._next = 0.0
        self._last = -1

    def look(self, now: float, deadline: float, left: int) -> None:
        """Say it, unless it was said just now or nothing has changed.

        Args:
            now: Monotonic seconds.
            deadline: When the workers are killed.
            left: Jobs that they still hold.
        """
        if not self._on or now < self._next or (left == self._last and not left):
            return
        self._most = max(self._most, left)
        self._next = now + _STEP_SECONDS
        self._last = left
        self._write(drain_line(left, self._most, max(0.0, deadline - now)))

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError):
            if select.select([], [self._fd], [], 0)[1]:
                os.write(self._fd, f"sockq: {line}\n".encode())


def drain_line(left: int, most: int, seconds: float) -> str:
    """``draining [######--------------] 12 of 40 jobs left, at most 23 s; Ctrl-C hurries``."""
    done = _BAR if not most else round(_BAR * (most - left) / most)
    bar = "#" * done + "-" * (_BAR - done)
    if not left:
        return f"draining [{bar}] no job left, waiting for the processes"
    return f"draining [{bar}] {left} of {most} jobs left, at most {seconds:.0f} s; Ctrl-C hurries"


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False
