"""What this machine, its service manager and its container allow a fleet. Reads only."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sockq.supervisor.pidlock import read_lock

_SHOW: Final = "OOMPolicy,KillMode,TimeoutStopUSec"
_SHOW_SECONDS: Final = 3.0
_SPAN: Final = re.compile(r"(\d+)(us|ms|s|min|h|d|w|month|y)\b")
_UNITS: Final = {
    "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0,
    "month": 2629800.0, "y": 31557600.0,
}  # fmt: skip
_FILES: Final = re.compile(r"^Max open files\s+(\S+)\s+(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Of the running fleet's parent where there is one, else of this process. None: not known.

    Attributes:
        pid: The parent's; None: no fleet runs in the directory.
        files: Open files a process may have; and what it may raise that to.
        files_hard: See above.
        memory_bytes: The control group's limit; None: there is none.
        memory_together: One process out of memory ends the whole group.
        unit: The systemd service.
        oom_policy, kill_mode: Of that unit.
        stop_seconds: How long systemd waits for a stop; infinity: for ever.
        container: It runs in one.
        first: It is process 1.
    """

    pid: int | None = None
    files: int | None = None
    files_hard: int | None = None
    memory_bytes: int | None = None
    memory_together: bool = False
    unit: str = ""
    oom_policy: str = ""
    kill_mode: str = ""
    stop_seconds: float | None = None
    container: bool = False
    first: bool = False


def look_at_host(directory: Path, environ: Mapping[str, str], root: Path = Path("/")) -> HostFacts:
    """Look around.

    Args:
        directory: The fleet's.
        environ: Of this process.
        root: Where ``proc``, ``sys`` and the like stand.
    """
    try:
        lock = read_lock(directory)
    except OSError:
        lock = None
    pid = lock.pid if lock else None
    files, hard = _files(root, pid)
    group = _group(root, pid)
    limits = root / "sys/fs/cgroup" / group.lstrip("/")
    most = _read(limits / "memory.max")
    unit = _unit(group) if pid is not None or environ.get("INVOCATION_ID") else ""
    shown = _show(unit) if unit else {}
    return HostFacts(
        pid=pid,
        files=files,
        files_hard=hard,
        memory_bytes=int(most) if most.isdigit() else None,
        memory_together=_read(limits / "memory.oom.group") == "1",
        unit=unit,
        oom_policy=shown.get("OOMPolicy", ""),
        kill_mode=shown.get("KillMode", ""),
        stop_seconds=parse_span(shown.get("TimeoutStopUSec", "")),
        container=_in_container(root, environ),
        first=(pid or os.getpid()) == 1,
    )


def parse_span(text: str) -> float | None:
    """Seconds of a time span as systemd prints it: ``1min 5s``, ``infinity``; None: not one."""
    if text == "infinity":
        return float("inf")
    parts = _SPAN.findall(text)
    return sum(int(number) * _UNITS[unit] for number, unit in parts) if parts else None


def _files(root: Path, pid: int | None) -> tuple[int | None, int | None]:
    if pid is not None:
        found = _FILES.search(_read(root / f"proc/{pid}/limits"))
        if found:
            return _limit(found[1]), _limit(found[2])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        None if soft == resource.RLIM_INFINITY else soft,
        None if hard == resource.RLIM_INFINITY else hard,
    )


def _limit(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _group(root: Path, pid: int | None) -> str:
    """The control group (version 2), from the root of what is mounted."""
    text = _read(root / f"proc/{pid or 'self'}/cgroup")
    return next((line[3:] for line in text.splitlines() if line.startswith("0::")), "/")


def _unit(group: str) -> str:
    return next((part for part in reversed(group.split("/")) if part.endswith(".service")), "")


def _show(unit: str) -> dict[str, str]:
    try:
        done = subprocess.run(  # noqa: S603 - a unit's name from the kernel, no shell
            ["systemctl", "show", f"--property={_SHOW}", "--", unit],  # noqa: S607 - wherever it is
            capture_output=True,
            text=True,
            timeout=_SHOW_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def _in_container(root: Path, environ: Mapping[str, str]) -> bool:
    marks = (root / ".dockerenv", root / "run/.containerenv")
    told = environ.get("KUBERNETES_SERVICE_HOST") or environ.get("container")
    return bool(told) or any(mark.exists() for mark in marks)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
