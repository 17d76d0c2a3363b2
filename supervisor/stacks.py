"""Has a process tell where its threads are, from C and whatever holds the interpreter.

Of the others while it is well: ``faulthandler`` reads the stacks of threads that run at the same
time, of which a part may be given back to the system just then. That ended a healthy worker with
SIGSEGV (measured: five of five processes with two deep threads, within 300 dumps).
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final

#: Has a worker write the stack of its main thread where the parent reads it (``last_words``).
#: SIGUSR2 has it tell all stacks to stderr; one handler writes to one place, so there are two.
#: None: this system has no signal to spare.
STACK_SIGNAL: Final[int | None] = signal.SIGRTMIN + 3 if hasattr(signal, "SIGRTMIN") else None


def answer_with_stacks(stack_fd: int | None) -> None:
    """In a child: answer both signals, and tell the stack of a thread that crashes.

    Args:
        stack_fd: Where the parent reads; None: stderr.
    """
    signal.signal(signal.SIGUSR2, _tell_the_others)
    faulthandler.register(signal.SIGUSR2, all_threads=False, chain=True)
    if stack_fd is None:
        faulthandler.enable(all_threads=False)
        return
    faulthandler.enable(file=stack_fd, all_threads=False)
    if STACK_SIGNAL is not None:
        faulthandler.register(STACK_SIGNAL, file=stack_fd, all_threads=False)


def ask_main_thread(pid: int, number: int) -> None:
    """Signal the main thread of a process, which tells its own stack and may be the one at fault.

    What is sent to a process as a whole may be taken by any thread of it.
    """
    if _tgkill is None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return
    _tgkill(pid, pid, number)


def _tell_the_others(_number: int, _frame: FrameType | None) -> None:
    """Runs in the main thread, between two steps of it: no lock may be taken here."""
    own = threading.get_ident()
    lines = []
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - what there is
        if ident == own:
            continue
        lines.append(f"Thread 0x{ident:016x} (most recent call first):")
        for one, line in traceback.walk_stack(frame):
            code = one.f_code
            lines.append(f'  File "{code.co_filename}", line {line} in {code.co_name}')
    if lines:
        with suppress(OSError):
            os.write(2, "\n".join(["", *lines, ""]).encode("utf-8", "replace"))


def _find_tgkill() -> Callable[[int, int, int], int] | None:
    try:
        found = ctypes.CDLL(None, use_errno=True).tgkill
    except (OSError, AttributeError):
        return None
    found.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
    found.restype = ctypes.c_int
    call: Callable[[int, int, int], int] = found
    return call


_tgkill: Final = _find_tgkill()
