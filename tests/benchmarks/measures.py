"""What processes cost, from outside: processor time and memory."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

MIB = 1024 * 1024
LINUX = os.uname().sysname == "Linux"


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes so far, together."""
    return sum(_cpu_seconds(pid) for pid in pids)


def _cpu_seconds(pid: int) -> float:
    if LINUX:
        # clock_getcpuclockid(3): nanoseconds, where /proc and psutil count ticks of 10 ms.
        return time.clock_gettime((~pid << 3) | 2)
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def memory_mib(pid: int) -> tuple[float, float | None]:
    """Resident and proportional size in MiB; proportional only where the system tells."""
    process = psutil.Process(pid)
    pss = getattr(process.memory_full_info(), "pss", None)
    return process.memory_info().rss / MIB, None if pss is None else pss / MIB


def pin(pids: Iterable[int], cpu: int) -> None:
    """Keep every thread of these processes on one processor. Linux only."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cpu})


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle one; NaN of nothing."""
    return statistics.median(values) if values else float("nan")
