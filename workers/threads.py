"""A few threads for work that blocks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

IDLE_SECONDS: Final = 30.0


class Threads:
    """A small pool.

    Its threads are daemons: a name look-up that hangs must not hold up the end of the process. They
    start when needed and end when unused for 30 s.

    Args:
        limit: At most this many; more work waits for one.
        name: Theirs.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._changed = threading.Condition()
        self._work: deque[Callable[[], None]] = deque()
        self._count = 0
        self._idle = 0
        self.closed = False

    def do(self, work: Callable[[], None]) -> None:
        """Do something in a thread, in the order of the calls. It must not raise."""
        with self._changed:
            self._work.append(work)
            # Idle ones include those that are on their way to work that stands here already.
            if self._idle < len(self._work) and self._count < self._limit:
                self._count += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            else:
                self._changed.notify()

    def close(self) -> None:
        """Let the threads end when nothing is left to do. Does not wait."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()
            del work  # what it holds is not kept until the next one

    def _next(self) -> Callable[[], None] | None:
        """Wait for something to do; None: the thread ends, and is no longer counted."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._work or self.closed, IDLE_SECONDS)
            self._idle -= 1
            if self._work:
                return self._work.popleft()
            self._count -= 1
            return None
