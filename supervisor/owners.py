"""Names of owners, and the file that remembers which of them may still hold jobs.

Every child appends ``pid start-time owner`` before it does anything else, so a parent that follows
one that was killed knows whom to wait for and what to give back. A line stays until the jobs of its
owner were given back.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from sockq.supervisor.whole_file import replace_whole

_HOST_CHARACTERS: Final = 40
_POLL_SECONDS: Final = 0.02
#: The file is written anew when it has this many lines.
_SLACK_LINES: Final = 500


def owner_prefix(directory: Path, now_ms: int) -> str:
    """What all owners of this parent begin with; no other parent's do, also after a reboot."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:_HOST_CHARACTERS]
    place = sha256(str(directory.resolve()).encode()).hexdigest()[:8]
    return f"{host}:{place}:{os.getpid()}:{now_ms:x}"


@dataclass(frozen=True, slots=True)
class Known:
    """A process that leased jobs: who it was, and under which name."""

    pid: int
    start_time: int
    owner: str

    @property
    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.pid} {self.start_time} {self.owner}\n"


class OwnersFile:
    """The file, open for appending.

    Attributes:
        fd: Children append to it (one ``write`` each).
        left: What the predecessor left behind.
    """

    def __init__(self, path: Path, left: list[Known]) -> None:
        self._path = path
        self.left = left
        self._lines = len(left)
        self.fd = self._open()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read what is there, and keep it."""
        text = ""
        with contextlib.suppress(FileNotFoundError):
            text = path.read_text("utf-8", "replace")
        return cls(path, [known for line in text.splitlines() if (known := _parse(line))])

    def appended(self, needed: Callable[[], list[Known]]) -> None:
        """A child has added its line; once in a while only those ``needed`` are kept."""
        self._lines += 1
        if self._lines > _SLACK_LINES:
            self._rewrite(needed())

    def _rewrite(self, needed: list[Known]) -> None:
        with contextlib.suppress(OSError):
            replace_whole(self._path, "".join(known.line for known in needed).encode())
            os.close(self.fd)
            self.fd = self._open()
            self._lines = len(needed)

    def close(self, needed: list[Known]) -> None:
        """The parent ends; ``needed`` is whom its successor awaits, and gives back for."""
        self._rewrite(needed)
        os.close(self.fd)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def remember(fd: int, owner: str) -> None:
    """In the child, first of all: say that this process may hold jobs as ``owner``."""
    pid = os.getpid()
    with contextlib.suppress(OSError):
        os.write(fd, Known(pid, start_time(pid) or 0, owner).line.encode())


def start_time(pid: int) -> int | None:
    """When ``pid`` started, in the kernel's ticks; None: it is gone, or there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def await_gone(left: list[Known], patience_seconds: float, kill_seconds: float) -> list[Known]:
    """Wait until the predecessor's processes are gone; kill those that are not in time.

    Only processes with the remembered start time are touched: pids are used again.
    Returns those that are still there in spite of SIGKILL.
    """
    there = left
    for number, seconds in ((0, patience_seconds), (signal.SIGKILL, kill_seconds)):
        until = time.monotonic() + seconds
        if number:
            for known in there:
                _signal(known, number)
        while True:
            there = [known for known in there if _is_there(known)]
            if not there or time.monotonic() >= until:
                break
            select.select([], [], [], _POLL_SECONDS)
    return there


def _is_there(known: Known) -> bool:
    return known.start_time > 0 and start_time(known.pid) == known.start_time


def _signal(known: Known, number: int) -> None:
    with contextlib.suppress(OSError):
        fd = os.pidfd_open(known.pid)
        try:
            # checked behind the descriptor: what it names now cannot be swapped any more
            if _is_there(known):
                signal.pidfd_send_signal(fd, number)
        finally:
            os.close(fd)


def _parse(line: str) -> Known | None:
    try:
        pid, began, owner = line.split(" ")
        return Known(int(pid), int(began), owner)
    except ValueError:
        return None
