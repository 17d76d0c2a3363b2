"""Processes looked at through ``/proc``: quickly, and without taking part."""

from __future__ import annotations

import math
import os
import time
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


def send(pid: int, number: int) -> None:
    """Signal a process and nobody else: never a group, never everybody."""
    assert pid > 1
    os.kill(pid, number)


def session(pid: int) -> list[int]:
    """Everybody that runs in the session of ``pid``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat and stat[3] == str(pid) and stat[0] not in "ZX":
                found.append(int(entry.name))
    return found


def is_running(pid: int) -> bool:
    """Whether it runs; one that ended and that nobody has reaped does not."""
    return state(pid) not in {"", "Z", "X"}


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()


def cpu_seconds(pid: int) -> float:
    """Processor time that it used so far; 0 when there is no such process."""
    stat = _stat(pid)
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") if stat else 0.0


def descriptors(pid: int) -> set[int]:
    """Its open descriptors."""
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


def starved_seconds(who: int | str) -> float:
    """How long it could have run and had no processor; 0 when it ended, or nobody counts it."""
    try:
        return int(Path(f"/proc/{who}/schedstat").read_text().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def age_seconds(pid: int) -> float:
    """Since its fork, to a hundredth; infinite when there is no such process."""
    stat = _stat(pid)
    if not stat:
        return math.inf
    forked = int(stat[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - forked


def memory_group(pid: int) -> Path | None:
    """The control group that limits the memory of a process; None: there are no such groups."""
    root = Path("/sys/fs/cgroup")
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        if "memory" in controllers.split(","):
            return root / "memory" / place.lstrip("/")
        if not controllers and (root / "cgroup.controllers").exists():
            return root / place.lstrip("/")
    return None
