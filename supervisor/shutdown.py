"""When a fleet that was asked to stop must be gone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: A terminal and a service manager may both deliver the same request: repeats within this are one.
SAME_REQUEST_SECONDS: Final = 1.0
#: What a second request leaves.
SECOND_REQUEST_SECONDS: Final = 5.0


@dataclass(slots=True)
class Shutdown:
    """The stop that was asked for, if any.

    Attributes:
        drain_seconds: What the first request leaves.
        deadline: When the workers are killed; None: nobody asked. Later requests only shorten it.
        requests: Requests that counted.
    """

    drain_seconds: float
    deadline: float | None = None
    requests: int = 0
    _last: float = 0.0

    def slept(self, lag: float) -> None:
        """The fleet was frozen for ``lag`` seconds: they do not count."""
        if self.deadline is not None:
            self.deadline += lag
        self._last += lag

    def ask(self, now: float, *, at_once: bool = False) -> bool:
        """A stop is asked for; ``at_once`` leaves no time. Returns whether the deadline moved."""
        if at_once:
            leaves = 0.0
        elif self.requests and now - self._last < SAME_REQUEST_SECONDS:
            return False
        else:
            leaves = {0: self.drain_seconds, 1: SECOND_REQUEST_SECONDS}.get(self.requests, 0.0)
        self.requests += 1
        self._last = now
        before = self.deadline
        self.deadline = now + leaves if before is None else min(before, now + leaves)
        return self.deadline != before
