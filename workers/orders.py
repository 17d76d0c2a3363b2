"""What the operator wants of a worker's requests: looked at with every beat, passed on."""

from __future__ import annotations

import time

from sockq.workers.disabled import Disabled, DisabledList
from sockq.workers.senders import Senders
from sockq.workers.unix_clock import unix_ms


class Orders:
    """Passes the list of disabled endpoints on when it changes; the first time at once.

    Args:
        listed: On the board; None: nobody keeps a list.
        senders: Of the worker.
    """

    def __init__(self, listed: DisabledList | None, senders: Senders) -> None:
        self._listed = listed
        self._senders = senders
        self._obeyed: tuple[Disabled, ...] = ()
        self.look()

    def look(self) -> None:
        """Have the senders obey, if there is news."""
        told = self._obeyed if self._listed is None else self._listed.read()
        if told is self._obeyed:
            return
        self._obeyed = told
        now, now_ms = time.monotonic(), unix_ms()
        self._senders.obey({one.id: now - max(0, now_ms - one.since_ms) / 1000 for one in told})
