"""What this process uses: memory, files, threads, processor time. Linux's /proc, else psutil."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sockq.workers import board

#: Memory and files are looked at this often; processor time, which costs nothing, with every beat.
SAMPLE_SECONDS: Final = 5.0
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Resources:
    """One sample; 0 where the system does not tell.

    Attributes:
        rss_bytes: Resident set.
        private_bytes: The part of it that only this process has.
        open_files: Open descriptors.
        threads: Threads, the main one included.
    """

    rss_bytes: int
    private_bytes: int
    open_files: int
    threads: int


class Usage:
    """Keeps a worker's words about itself up to date."""

    def __init__(self, words: memoryview) -> None:
        self._words = words
        self._cpu_before = words[board.CPU_NS]
        self._sample_at = 0.0

    def show(self, now: float) -> None:
        """Write what is used now; ``now`` is monotonic seconds."""
        words = self._words
        words[board.CPU_NS] = self._cpu_before + time.process_time_ns()
        if now < self._sample_at:
            return
        self._sample_at = now + SAMPLE_SECONDS
        found = sample()
        words[board.RSS_BYTES] = found.rss_bytes
        words[board.USS_BYTES] = found.private_bytes
        words[board.OPEN_FILES] = found.open_files
        words[board.THREADS] = found.threads


def sample() -> Resources:
    """Look at this process; takes about a millisecond."""
    if not sys.platform.startswith("linux"):
        return _by_psutil()
    try:
        rss = int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE_BYTES
        files = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - names only, less this look
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    except OSError:
        return Resources(0, 0, 0, 0)
    return Resources(rss, _private_bytes(), files, threads)


def _private_bytes() -> int:
    try:
        lines = Path("/proc/self/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(b"Private_")) * _KIB


def _by_psutil() -> Resources:
    import psutil  # noqa: PLC0415 - only where there is no /proc

    me = psutil.Process()
    memory = me.memory_full_info()
    return Resources(memory.rss, getattr(memory, "uss", 0), me.num_fds(), me.num_threads())
