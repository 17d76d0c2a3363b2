"""One fleet, one directory: the directory itself, and the lock in it.

The lock is a record lock (``fcntl.lockf``): it belongs to the process, is not inherited by a fork,
and vanishes with its holder, however that ends. The text in the file is for humans and for readers
who look for the board; it proves nothing, because pids are used again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

LOCK_NAME: Final = "sockq.lock"
BOARD_NAME: Final = "sockq.board"
CONTROL_NAME: Final = "control.sock"
OWNERS_NAME: Final = "owners"
# A reader that looks whether the lock is held holds it for a moment itself.
_TRIES: Final = 4
_TRY_SECONDS: Final = 0.05


class LockError(Exception):
    """Another fleet runs here, or the directory cannot be trusted; one line for the user."""


@dataclass(frozen=True, slots=True)
class LockInfo:
    """What the lock file says.

    Attributes:
        pid: Of the parent.
        board_fd: The board in the parent's descriptor table, or None: it is a file.
    """

    pid: int
    board_fd: int | None


class PidLock:
    """The held lock of ``directory``. Closing any descriptor of the file would release it."""

    def __init__(self, directory: Path, fd: int) -> None:
        self.directory = directory
        self.fd = fd

    @classmethod
    def take(cls, directory: Path) -> Self:
        """Make the directory if need be (0700), check it, and lock it.

        Raises:
            LockError: it is locked, or not ours alone to write.
        """
        prepare_directory(directory)
        path = directory / LOCK_NAME
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise LockError(f"cannot open {path}: {error.strerror}") from error
        for _ in range(_TRIES):
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    os.close(fd)
                    raise LockError(f"cannot lock {path}: {error.strerror}") from error
                time.sleep(_TRY_SECONDS)
            else:
                return cls(directory, fd)
        info = _parse(os.pread(fd, 200, 0))
        os.close(fd)
        who = f" (pid {info.pid})" if info else ""
        raise LockError(
            f"another fleet{who} runs in {directory}; stop it, or give this one its own --dir"
        )

    def write(self, info: LockInfo) -> None:
        """Say who holds it and where the board is."""
        text = f"{info.pid} {'-' if info.board_fd is None else info.board_fd}\n".encode()
        os.pwrite(self.fd, text, 0)
        os.ftruncate(self.fd, len(text))

    def release(self) -> None:
        """Empty the file and let go. The file stays: removing it would race with the next start."""
        os.ftruncate(self.fd, 0)
        os.close(self.fd)


def prepare_directory(directory: Path) -> None:
    """Create ``directory`` with mode 0700, or check that nobody else can write into it.

    Raises:
        LockError: it is somebody else's, writable by others, or cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise LockError(f"cannot use {directory}: {error.strerror}") from error
    if found.st_uid != os.geteuid():
        raise LockError(
            f"{directory} belongs to uid {found.st_uid}; give a directory of your own with --dir"
        )
    if found.st_mode & 0o022:
        raise LockError(f"{directory} is writable by others; chmod 700 it, or choose another --dir")


def read_lock(directory: Path) -> LockInfo | None:
    """Who holds the lock of ``directory``; None when nobody does.

    Raises:
        OSError: the directory or its lock cannot be read.
    """
    try:
        fd = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        info = _parse(os.pread(fd, 200, 0))
        try:
            fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return info
        return None
    finally:
        os.close(fd)


def _parse(text: bytes) -> LockInfo | None:
    try:
        pid, board = text.split()
        return LockInfo(int(pid), None if board == b"-" else int(board))
    except ValueError:
        return None
