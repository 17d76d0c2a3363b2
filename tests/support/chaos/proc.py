"""Processes looked at through ``/proc``: quickly, and without taking part."""

from __future__ import annotations

from pathlib import Path


def children(pid: int) -> list[int]:
    """Pids of the direct children; empty when there is no such process."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def state(pid: int) -> str:
    """``R``, ``S``, ``T`` …; empty when there is no such process."""
    stat = _stat(pid)
    return stat[0] if stat else ""


def name(pid: int) -> str:
    """What it calls itself: ``sockq:w00``; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def birth(pid: int) -> int:
    """When it started, in ticks since the machine's start; 0: there is none.

    With the pid it names a process for good.
    """
    stat = _stat(pid)
    return int(stat[19]) if stat else 0


def is_running(pid: int, born: int = 0) -> bool:
    """Whether this process runs; one that ended and that nobody has reaped does not."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in "ZX" and born in (0, int(stat[19]))


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()
