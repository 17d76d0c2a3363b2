"""The dead-man alarm: the kernel ends a process that stopped beating, also without any parent.

Python cannot help a process that is stuck with the GIL held, so nothing here runs in Python once
the alarm is armed. It has two stages, because a frozen process must not die of its freeze: timers
of the kernel go on while a process is stopped (SIGSTOP, docker pause), and ``ITIMER_REAL`` alone
would kill every healthy worker at the thaw. Clocks of processor time stand still meanwhile, but
they do not see one that is blocked, and on a busy machine they run too slowly.

1. A timer that each beat puts off sends SIGTRAP. Its handler is the C library's own ``alarm``,
   called by the kernel with the signal's number as its argument: five more seconds.
2. A beat takes that alarm back. Without one SIGALRM comes, at its default action.

However long a freeze lasts, only the first stage can pass in it, and whoever is thawed beats within
the five seconds. SIGALRM, SIGTRAP and ``ITIMER_REAL`` belong to this file in every child. Where the
system has no such timers (macOS) only ``end_within`` works, and a silent worker is its parent's.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import Any, Final

#: The signal's number is the length of the second stage, seconds.
_STAGE: Final = signal.SIGTRAP
GRACE_SECONDS: Final = int(_STAGE)
_PR_SET_PDEATHSIG: Final = 1
_POINTER_BYTES: Final = 8


class _Event(ctypes.Structure):
    """Linux's ``struct sigevent``: 64 bytes, the rest of them unused."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("unused", ctypes.c_char * 48),
    )


class _Times(ctypes.Structure):
    """``struct itimerspec``."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


def _find_library() -> Any:
    """The library that has timers: libc, or librt with a glibc before 2.34."""
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != _POINTER_BYTES:
        return None
    for name in (None, "librt.so.1"):
        try:
            library = ctypes.CDLL(name, use_errno=True)
            for function in ("timer_create", "timer_settime", "alarm", "signal", "prctl"):
                getattr(library, function)
        except (OSError, AttributeError):
            continue
        return library
    return None


# Looked up before any fork: a child should not load libraries first.
_library = _find_library()


class DeadMan:
    """The alarm of this process; it starts with the first ``beat``.

    Attributes:
        works: Whether this system has such an alarm.
    """

    def __init__(self) -> None:
        self._ending = False
        self._timer: ctypes.c_void_p | None = None
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if _library is None:
            return
        _library.prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)
        # Through C: Python's own signal handlers wait for the interpreter.
        _library.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
        _library.signal.restype = ctypes.c_void_p
        _library.signal(_STAGE, ctypes.cast(_library.alarm, ctypes.c_void_p))
        timer = ctypes.c_void_p()
        event = _Event(signo=_STAGE)
        if _library.timer_create(time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
            return
        self._timer = timer

    @property
    def works(self) -> bool:
        """Whether this system has such an alarm."""
        return self._timer is not None

    def beat(self, silence_seconds: float) -> None:
        """This process is well; it dies ``GRACE_SECONDS`` after this long without another call."""
        if self._ending or self._timer is None:
            return
        whole = int(silence_seconds)
        times = _Times(value_s=whole, value_ns=int((silence_seconds - whole) * 1e9) or not whole)
        _library.timer_settime(self._timer, 0, ctypes.byref(times), None)
        # In this order: what fires between the two is taken back by the second.
        signal.setitimer(signal.ITIMER_REAL, 0)

    def end_with(self, parent: int, *, kill: bool = False) -> bool:
        """Have the death of ``parent`` ring the first stage; False: it is dead already.

        For what is stuck and cannot see its channel end. Others leave before the five seconds.
        ``kill`` has the kernel end it at once instead, also while it is stopped.
        """
        if self._timer is not None:
            number = signal.SIGKILL if kill else _STAGE
            _library.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        return os.getppid() == parent

    def end_within(self, seconds: float) -> None:
        """Whatever this process still does, it is gone after ``seconds``. No beat counts now."""
        if not self._ending:
            self._ending = True
            signal.setitimer(signal.ITIMER_REAL, seconds)
