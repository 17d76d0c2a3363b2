"""Whether the kernel ended a process of this control group because memory ran out."""

from __future__ import annotations

from pathlib import Path


class OomCounter:
    """The group's ``oom_kill`` counter (cgroup v2); never grows where there is none."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path if path is not None else _events_path()
        self._last = self._read()

    def grew(self) -> bool:
        """Whether it grew since the last call."""
        before, self._last = self._last, self._read()
        return self._last > before

    def _read(self) -> int:
        if self._path is None:
            return 0
        try:
            words = self._path.read_text().split()
        except OSError:
            return 0
        counts = dict(zip(words[::2], words[1::2], strict=False))
        return int(counts.get("oom_kill", "0"))


def _events_path() -> Path | None:
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                path = Path("/sys/fs/cgroup") / line[3:].lstrip("/") / "memory.events"
                return path if path.exists() else None
    except OSError:
        pass
    return None
