"""Lines for whoever sits at the other end: results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def say(line: str) -> None:
    """A result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def note(line: str) -> None:
    """Something beside the result; begins with the program's name."""
    sys.stderr.write(f"sockq: {line}\n")
    sys.stderr.flush()


def notes(lines: Iterable[str], prefix: str = "") -> None:
    """Several of them, each on its line."""
    for line in lines:
        note(prefix + line)
