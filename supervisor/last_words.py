"""Where a worker's stacks go when it crashes, so that the parent can read them afterwards.

A file in memory for each slot: ``faulthandler`` writes to it from C, in a signal handler, whatever
holds the interpreter, and never waits for a reader.
"""

from __future__ import annotations

import os
import re
import tempfile
from typing import Final

_READ_BYTES: Final = 64 * 1024
_FRAME: Final = re.compile(r'  File "(?P<file>[^"]*)", line (?P<line>\d+|\?\?\?) in (?P<name>.+)')


class LastWords:
    """The file of one slot.

    Attributes:
        fd: The worker inherits it.
    """

    def __init__(self) -> None:
        self.fd = _file_in_memory()

    def reset(self) -> None:
        """Before a fork: nothing was said yet."""
        os.ftruncate(self.fd, 0)
        os.lseek(self.fd, 0, os.SEEK_SET)

    def stack(self) -> tuple[str, ...]:
        """The frames of the thread that crashed, or else of the main one; empty: nothing said.

        The innermost first.
        """
        try:
            told = os.pread(self.fd, _READ_BYTES, 0).decode("utf-8", "replace")
        except OSError:
            return ()
        return frames(told)


def frames(told: str) -> tuple[str, ...]:
    """The frames of the last stack in a text of ``faulthandler``.

    Returns:
        ``name (file.py:12)``, with the last two parts of each file's path.
    """
    stack: list[str] = []
    for line in told.splitlines():
        if "(most recent call first):" in line:
            stack = []
        elif found := _FRAME.match(line):
            place = "/".join(found["file"].split("/")[-2:])
            stack.append(f"{found['name']} ({place}:{found['line']})")
    return tuple(stack)


def _file_in_memory() -> int:
    try:
        return os.memfd_create("sockq-stack", os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        with tempfile.TemporaryFile() as file:  # unlinked; elsewhere than on Linux
            return os.dup(file.fileno())
