"""Signals, turned into flags and one wake-up.

The pipe of ``signal.set_wakeup_fd`` is only a doorbell: it may fill and drop bytes, so nothing is
read out of it. The truth is one flag per signal, set by a handler that does nothing else.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from types import FrameType
from typing import Final

#: What the parent listens to.
PARENT_SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in (
        "SIGTERM",
        "SIGINT",
        "SIGQUIT",
        "SIGHUP",
        "SIGCHLD",
        "SIGTTIN",
        "SIGTTOU",
        "SIGTSTP",
        "SIGCONT",
        "SIGUSR1",
        "SIGUSR2",
    )
)


class Doorbell:
    """Handlers for ``signals``; wakes a selector that watches ``fd``.

    Attributes:
        fd: Readable after a signal came.
        fds: Both ends of the pipe, which a child must close.
    """

    def __init__(self, signals: Iterable[int] = PARENT_SIGNALS) -> None:
        self.fd, self._write_fd = os.pipe()
        self.fds = (self.fd, self._write_fd)
        for fd in self.fds:
            os.set_blocking(fd, False)
        self._rung: dict[int, bool] = {}
        self._before = {number: signal.getsignal(number) for number in signals}
        self._before_fd = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in self._before:
            signal.signal(number, self._ring)

    def _ring(self, number: int, _frame: FrameType | None) -> None:
        self._rung[number] = True

    def take(self) -> set[int]:
        """Empty the pipe, and return which signals came since the last call."""
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self.fd, 4096)) == 4096:  # noqa: PLR2004 - a full read: maybe more
                pass
        taken = set()
        for number in self._before:
            # pop, not read and clear: a signal between the two would be lost
            if self._rung.pop(number, False):
                taken.add(number)
        return taken

    def close(self) -> None:
        """Give the handlers back and close the pipe."""
        signal.set_wakeup_fd(self._before_fd, warn_on_full_buffer=False)
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for fd in self.fds:
            os.close(fd)
