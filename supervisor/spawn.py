"""The one place that forks.

The order of the steps is the point; each one closes a hole that real supervisors have had:
all signals are blocked across the fork (else a child writes its signal into the parent's wake-up
pipe), the child closes what only the parent may hold (else nobody ever sees EOF), asks to be told
when the parent dies and checks that it has not died already, and never returns into the parent's
stack.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sockq.supervisor.doorbell import PARENT_SIGNALS
from sockq.supervisor.stacks import answer_with_stacks
from sockq.workers import exits
from sockq.workers.logs import Event, Log

_PR_SET_PDEATHSIG: Final = 1
#: The parent decides on these: a terminal sends them to the whole group, workers included.
_IGNORED: Final = (
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
)


class SpawnError(Exception):
    """This process may not fork: it has more than one thread."""


def _find_prctl() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong)
    prctl.restype = ctypes.c_int

    def call(option: int, value: int) -> int:
        return int(prctl(option, value))

    return call


# Looked up before any fork: the child should not load libraries first.
_prctl = _find_prctl()


@dataclass(frozen=True, slots=True)
class ChildSetup:
    """What a child is given before its body runs.

    Attributes:
        name: Process name, at most 15 bytes: ``sockq:w03``.
        close_fds: Descriptors that only the parent may hold.
        oom_score_adj: Raised so far, so that the kernel takes this process before the parent.
        death_signal: Sent to the child by the kernel when the parent dies (Linux).
        stack_fd: Where its stacks go when it crashes, or is asked to; None: to stderr.
    """

    name: str
    close_fds: tuple[int, ...] = ()
    oom_score_adj: int = 300
    death_signal: int = signal.SIGTERM
    stack_fd: int | None = None


def spawn(body: Callable[[], int], setup: ChildSetup) -> int:
    """Fork; run ``body`` in the child and end it with what it returns. Returns the child's pid.

    In the child TERM has its default action until ``body`` says otherwise; INT, HUP, QUIT and the
    terminal's stops are ignored; USR2 has it tell its stacks.

    Raises:
        SpawnError: this process has threads.
        OSError: no process to be had now (EAGAIN, ENOMEM).
    """
    _require_single_thread()
    parent = os.getpid()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()  # noqa: TID251 - the only fork of the program
        if pid == 0:
            _child(body, setup, parent, mask)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return pid


def _require_single_thread() -> None:
    threads = threading.active_count()
    with contextlib.suppress(OSError):
        threads = max(threads, len(os.listdir("/proc/self/task")))  # noqa: PTH208 - no objects here
    if threads != 1:
        raise SpawnError(f"a process with {threads} threads cannot fork safely")


def _child(body: Callable[[], int], setup: ChildSetup, parent: int, mask: Iterable[int]) -> None:
    code = exits.CRASHED
    try:
        signal.set_wakeup_fd(-1)
        for number in PARENT_SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in _IGNORED else signal.SIG_DFL)
        for fd in setup.close_fds:
            with contextlib.suppress(OSError):
                os.close(fd)
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, setup.death_signal)
        if os.getppid() != parent:
            code = 0
            return
        _dress(setup)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        code = body()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else exits.CRASHED
    except BaseException as error:
        with contextlib.suppress(BaseException):
            _report(setup.name, error)
    finally:
        os._exit(code)


def _dress(setup: ChildSetup) -> None:
    answer_with_stacks(setup.stack_fd)
    random.seed()
    os.umask(0o077)
    # None of these is worth a child: they may be missing (/proc) or refused (hardened systems).
    for path, value in (
        ("/proc/self/comm", setup.name),
        ("/proc/self/oom_score_adj", str(setup.oom_score_adj)),
    ):
        with contextlib.suppress(OSError):
            Path(path).write_text(value)
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)


def _report(name: str, error: BaseException) -> None:
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{frame[0].filename}:{frame[0].lineno}" if frame else ""
    Log(name.removeprefix("sockq:")).error(
        Event.PROCESS_CRASHED, pid=os.getpid(), error=type(error).__name__, where=where
    )
    traceback.print_exception(error, file=sys.stderr)
    sys.stderr.flush()
