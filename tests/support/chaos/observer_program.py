"""The observer's process: ``python observer_program.py PID CONTROL-SOCKET RECORD-FILE``.

Samples the parent from outside, and asks it and a control process the same question over and over:
how long the answer takes is how late the loop is. Told apart is what the machine is late by: of
each answer, how long whoever gave and took it waited for a processor; and the control process does
nothing but answer. It lives in the parent's control group, and takes memory for each answer: where
the kernel lets all of a group wait while one of it is killed for memory, it waits too. It ends with
its standard input.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

import psutil
from support.chaos import proc
from support.chaos.stopwatch import Stopwatch

_EVERY_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 120.0
_QUESTION: Final = b'{"cmd":"ping"}\n'
#: More than the kernel keeps for a group in advance, by processor.
_MEMORY_BYTES: Final = 512 << 10


def echo() -> None:
    """Body of the control process: answers each line from standard input."""
    end = socket.socket(fileno=0)
    while said := end.recv(4096):
        with mmap.mmap(-1, _MEMORY_BYTES) as memory:
            memory.write(bytes(_MEMORY_BYTES))
        end.sendall(b"{}\n" * said.count(b"\n"))


def _connect(path: str) -> socket.socket:
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(_PATIENCE_SECONDS)
    end.connect(path)
    return end


def _ask(
    who: str,
    pid: int,
    connect: Callable[[], socket.socket],
    file: TextIO,
    connected: threading.Event,
) -> None:
    # at the end the file is closed under it
    with contextlib.suppress(OSError, ValueError), connect() as end:
        end.sendall(_QUESTION)
        end.recv(4096)  # the first answer waits for the other side's start
        connected.set()
        while True:
            machine = Stopwatch(pid)
            end.sendall(_QUESTION)
            if not end.recv(4096):
                return
            seconds, starved = machine.read()
            line = {"asked": who, "at": machine.began, "seconds": seconds, "starved": starved}
            file.write(json.dumps(line) + "\n")
            time.sleep(_EVERY_SECONDS)


def _sample(parent: psutil.Process, file: TextIO) -> None:
    with parent.oneshot():
        line = {
            "at": time.monotonic(),
            "fds": parent.num_fds(),
            "threads": parent.num_threads(),
            "rss": parent.memory_info().rss,
            "stopped": parent.status() == psutil.STATUS_STOPPED,
            "children": proc.children(parent.pid),
        }
    file.write(json.dumps(line) + "\n")


def _join(who: int, pid: int) -> None:
    """Put ``who`` in the control group of ``pid``, where that has one of its own."""
    with contextlib.suppress(OSError):  # the parent has ended, or groups are not ours to change
        group = proc.memory_group(pid)
        if group is not None and group != proc.memory_group(who):
            (group / "cgroup.procs").write_text(str(who))


def _await_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def observe(pid: int, control: str, path: str) -> None:
    """Body of the observer."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, __file__, "echo"]
    with (
        Path(path).open("a", buffering=1, encoding="utf-8") as file,
        subprocess.Popen(command, stdin=theirs.fileno()) as twin,
    ):
        theirs.close()
        connected = threading.Event()
        for told in (
            ("parent", pid, lambda: _connect(control), file, connected),
            ("control", twin.pid, lambda: ours, file, threading.Event()),
        ):
            threading.Thread(target=_ask, args=told, daemon=True).start()
        # Our own connection is one of the parent's descriptors: the first sample has it too.
        connected.wait(_PATIENCE_SECONDS)
        _join(twin.pid, pid)
        ended = threading.Event()
        threading.Thread(target=_await_end, args=(ended,), daemon=True).start()
        try:
            parent = psutil.Process(pid)
            while not ended.wait(_EVERY_SECONDS):
                _sample(parent, file)
        except psutil.NoSuchProcess:
            pass
        except psutil.AccessDenied:
            # only root may look into one that has ended and that nobody has reaped
            if proc.is_running(pid):
                raise
        finally:
            twin.kill()


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo()
    else:
        observe(int(sys.argv[1]), sys.argv[2], sys.argv[3])
