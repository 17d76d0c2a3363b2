"""Whether the kernel ended a process of ours because memory ran out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_CGROUPS: Final = Path("/sys/fs/cgroup")
_MACHINE: Final = Path("/proc/vmstat")
_WATCH_SECONDS: Final = 1.0


class OomCounter:
    """The kernel's ``oom_kill`` counter: of our control group (v2, v1), else of the machine.

    A kill is counted a moment before the process is gone, and explains one death: what is older
    than two looks, a second apart, was somebody else's.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path if path is not None else find_counter()
        self._recent = 0
        self._recent = self._before = self._read()
        self._look_at = 0.0

    def watch(self, now: float) -> None:
        """Look from time to time; ``now`` is monotonic seconds."""
        if now >= self._look_at:
            self._look_at = now + _WATCH_SECONDS
            self._before, self._recent = self._recent, self._read()

    def grew(self) -> bool:
        """Whether a process that has just ended by a signal may be one of those counted."""
        if self._read() <= self._before:
            return False
        self._before += 1
        self._recent = max(self._recent, self._before)
        return True

    def _read(self) -> int:
        if self._path is None:
            return 0
        try:
            words = self._path.read_text().split()
        except OSError:  # no descriptor left, maybe: what was known still holds
            return self._recent
        counts = dict(zip(words[::2], words[1::2], strict=False))
        return int(counts.get("oom_kill", "0"))


def find_counter(
    groups: Path = Path("/proc/self/cgroup"), root: Path = _CGROUPS, machine: Path = _MACHINE
) -> Path | None:
    """The file that counts for us; None where the system has none.

    Args:
        groups: The control groups of this process.
        root: Where they are mounted.
        machine: The counters of the whole machine.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, place = line.split(":", 2)
        inside = place.lstrip("/")
        if not controllers:
            found = root / inside / "memory.events"
        elif "memory" in controllers.split(","):
            found = root / "memory" / inside / "memory.oom_control"
        else:
            continue
        if found.exists():
            return found
    return machine if machine.exists() else None
