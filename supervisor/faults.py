"""A fault of the parent's own in one step never stops the others, nor fills the log."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Final, ParamSpec

from sockq.workers.logs import Event, Log

#: The same step says so at most once in this many seconds.
_QUIET_SECONDS: Final = 10.0

P = ParamSpec("P")


class Faults:
    """Runs steps and reports what they raise."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._quiet_until: dict[str, float] = {}

    def guard(
        self, what: str, step: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> bool:
        """Take ``step``; False: it raised, and the log names ``what`` and the place."""
        try:
            step(*args, **kwargs)
        except Exception as error:
            self.report(what, error)
            return False
        return True

    def report(self, what: str, error: Exception) -> None:
        """Tell what ``error`` is and where it was raised."""
        now = time.monotonic()
        if now < self._quiet_until.get(what, 0.0):
            return
        self._quiet_until[what] = now + _QUIET_SECONDS
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
        self._log.error(Event.PARENT_FAULT, step=what, error=repr(error), where=where)
