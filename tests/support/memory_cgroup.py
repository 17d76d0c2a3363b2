"""A control group with little memory, for fleets whose workers are to run out of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from support.chaos import proc

#: Of version 2, of version 1.
_LIMITS: Final = ("memory.max", "memory.limit_in_bytes")


@contextmanager
def memory_cgroup(limit_bytes: int) -> Iterator[Path]:
    """Make one below this process's; skips the test where that is not allowed.

    Yields:
        Its ``cgroup.procs``: who writes its own pid there is inside.
    """
    above = proc.memory_group(os.getpid())
    if above is None:
        pytest.skip("no control group for memory on this system")
    group = above / f"sockq-test-{os.getpid()}"
    try:
        group.mkdir()
        limit = next((name for name in _LIMITS if (group / name).exists()), _LIMITS[0])
        (group / limit).write_text(str(limit_bytes))
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
