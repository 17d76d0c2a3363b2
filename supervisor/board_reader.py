"""Opens the board of a running fleet from its directory, read-only.

The lock file tells the parent's pid and the board's descriptor; ``/proc`` does the rest, also while
the parent is stopped. Where there is no ``/proc`` the board is a file in the directory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sockq.supervisor.pidlock import BOARD_NAME, LockInfo, read_lock
from sockq.workers.board_memory import Board, BoardError


class CannotTellError(Exception):
    """A fleet may run here, but its board cannot be read; one line for the user."""


@dataclass(frozen=True, slots=True)
class Found:
    """A running fleet: its board, and its parent's pid."""

    board: Board
    pid: int


def find_board(directory: Path) -> Found | None:
    """Open the board of the fleet of ``directory``; None when no fleet runs there.

    Raises:
        CannotTellError: directory or board cannot be read: another user's, another version.
    """
    try:
        info = read_lock(directory)
    except OSError as error:
        raise CannotTellError(f"cannot read {directory}: {error.strerror}") from error
    if info is None:
        return None
    try:
        fd = os.open(_path(directory, info), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CannotTellError(
            f"a fleet runs in {directory} (pid {info.pid}), but its board cannot be opened: "
            f"{error.strerror}"
        ) from error
    try:
        return Found(Board.open(fd), info.pid)
    except (BoardError, ValueError, OSError) as error:
        raise CannotTellError(f"{directory}: {error}") from error
    finally:
        os.close(fd)


def _path(directory: Path, info: LockInfo) -> Path:
    if info.board_fd is None:
        return directory / BOARD_NAME
    return Path(f"/proc/{info.pid}/fd/{info.board_fd}")
