"""Lines for whoever sits at the other end: results to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


def hold_streams() -> None:
    """Give a program that was started without stdin, stdout or stderr the null device there.

    Else a lock file or a connection would get the number, and what is printed would go into it.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stderr
        os.set_inheritable(fd, True)  # noqa: FBT003 - the os module's own name
    os.close(fd)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            stream = os.fdopen(number, "w", encoding="utf-8", errors="replace", closefd=False)
            setattr(sys, name, stream)


def say(line: str) -> None:
    """A result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def nobody_reads() -> None:
    """Go on silently after stdout was closed by whoever read it: ``… | head``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(line: str) -> None:
    """Something beside the result; begins with the program's name."""
    sys.stderr.write(f"sockq: {line}\n")
    sys.stderr.flush()


def notes(lines: Iterable[str], prefix: str = "") -> None:
    """Several of them, each on its line."""
    for line in lines:
        note(prefix + line)
