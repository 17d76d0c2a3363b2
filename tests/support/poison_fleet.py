"""``sockq`` whose workers die of certain jobs: ``python poison_fleet.py run --config …``.

Takes the arguments of ``sockq``, with any configuration. A job whose payload holds one of these
words does it to the worker that prepares it, where a fault of a library would:

    poison-kill     SIGKILL, as an operator or a kernel sends it
    poison-segv     a read of memory that is not there
    poison-abort    abort()
    poison-exit     the process ends with 3, without a word
    poison-hang     a loop in C that holds the interpreter, for ever
    poison-eat      memory until there is no more

``POISON_CGROUP`` names a ``cgroup.procs``: the fleet runs in that control group.
``POISON_MEMORY_BYTES`` limits the address space of workers, so that ``poison-eat`` ends; what a
program in C does when it gets none is to abort, and so does it here.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sockq.supervisor import parent
from sockq.supervisor.cli import main
from sockq.supervisor.fleet import FleetSettings
from sockq.workers.process import WorkerContext


def _hang() -> None:
    while True:
        re.match(r"(a+)+$", "a" * 64 + "b")  # years, in C, with the interpreter held


def _eat() -> None:
    eaten = []
    try:
        while True:
            eaten.append(b"\xff" * (8 << 20))
    except MemoryError:
        os.abort()


POISONS: Final[dict[bytes, Callable[[], Any]]] = {
    b"poison-kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    b"poison-segv": lambda: ctypes.string_at(0),
    b"poison-abort": os.abort,
    b"poison-exit": lambda: os._exit(3),
    b"poison-hang": _hang,
    b"poison-eat": _eat,
}


def poisoned(context: WorkerContext, work: Callable[[WorkerContext], int]) -> int:
    """Work, and die of what is poison."""
    from sockq.workers import dialect, dispatcher  # noqa: PLC0415 - in the child

    limit = int(os.environ.get("POISON_MEMORY_BYTES", "0"))
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    parse = dialect.parse

    def parse_and_die(payload: bytes, *args: Any) -> Any:
        if b"poison-" in payload:
            for word, act in POISONS.items():
                if word in payload:
                    act()
        return parse(payload, *args)

    setattr(dispatcher, "parse", parse_and_die)  # noqa: B010 - it is not exported
    return work(context)


def _run_fleet(settings: FleetSettings) -> int:
    work = settings.worker_main
    return _real(replace(settings, worker_main=lambda context: poisoned(context, work)))


if __name__ == "__main__":
    _real = parent.run_fleet
    parent.run_fleet = _run_fleet
    if "POISON_CGROUP" in os.environ:
        Path(os.environ["POISON_CGROUP"]).write_text(str(os.getpid()))
    sys.exit(main())
