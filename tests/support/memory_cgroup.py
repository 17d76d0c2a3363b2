"""A control group with little memory, for fleets whose workers are to run out of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_ROOT = Path("/sys/fs/cgroup")


def _parent() -> tuple[Path, str]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _ROOT / "memory" / place.lstrip("/"), "memory.limit_in_bytes"
        if not controllers and (_ROOT / "cgroup.controllers").exists():
            return _ROOT / place.lstrip("/"), "memory.max"
    pytest.skip("no control group for memory on this system")


@contextmanager
def memory_cgroup(limit_bytes: int) -> Iterator[Path]:
    """Make one below this process's; skips the test where that is not allowed.

    Yields:
        Its ``cgroup.procs``: who writes its own pid there is inside.
    """
    above, name = _parent()
    group = above / f"sockq-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / name).write_text(str(limit_bytes))
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no control group for memory can be made here: {error.strerror}")
    try:
        yield group / "cgroup.procs"
    finally:
        deadline = time.monotonic() + 5
        while (group / "cgroup.procs").read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        group.rmdir()
