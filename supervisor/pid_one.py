"""Signals of process 1, before its fleet listens to them.

The kernel drops a signal whose action is the default one when it is for process 1, so a container
that is stopped in its first second would run on until it is killed.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

from sockq.workers import exits

_ENDING: Final = (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


def heed_signals() -> None:
    """Have them end process 1 as they end any other one; whoever handles them later replaces it."""
    if os.getpid() != 1:
        return
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(exits.SIGNALLED + number)
