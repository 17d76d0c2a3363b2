"""A log that nobody can take: its disk is full, its pipe is full, or there is none."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.until import until

Chaos = Callable[..., Rig]

#: ``sh`` gives the command another stderr: the word after it.
_STDERR_TO: Final = ("sh", "-c", 'to=$0; exec "$@" 2>>"$to"')
_NO_STDERR: Final = ("sh", "-c", 'exec "$@" 2>&-', "sh")


@scenario(22, "v1", "memory", "bullmq")
def test_the_pipe_of_the_log_is_full(chaos: Chaos, tmp_path: Path) -> None:
    """Scenario 22: nobody reads stderr; lines are dropped and counted, nobody waits for it."""
    pipe = tmp_path / "stderr"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        with chaos(workers=3, wrap=(*_STDERR_TO, str(pipe))) as rig:
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(end, b"x" * 512)
            _trouble(rig)
            _counted(rig)
    finally:
        os.close(end)


@scenario(22, "v2", "memory")
def test_there_is_no_stderr(chaos: Chaos) -> None:
    """Scenario 22: stderr is closed; no file and no connection gets its number."""
    with chaos(workers=3, wrap=_NO_STDERR) as rig:
        for pid in (rig.fleet.pid, *rig.fleet.worker_pids()):
            assert Path(f"/proc/{pid}/fd/2").readlink() == Path(os.devnull)
        _trouble(rig)


@scenario(22, "bullmq", "memory", "v1")
def test_the_disk_is_full(chaos: Chaos, small_disk: Path) -> None:
    """Scenario 22: the log and the fleet's own files stand on a disk without a byte left."""
    rig = chaos(workers=3, wrap=(*_STDERR_TO, str(small_disk / "log")))
    rig.fleet.run_dir.symlink_to(small_disk / "run")
    (small_disk / "run").mkdir(mode=0o700)
    with rig:
        with (small_disk / "log").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"\n" * 256)
        assert shutil.disk_usage(small_disk).free == 0
        _trouble(rig)
        _counted(rig)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    with _mounted(tmp_path / "disk") as disk:
        yield disk


@contextmanager
def _mounted(disk: Path) -> Iterator[Path]:
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", str(disk)]
    if subprocess.run(command, capture_output=True, check=False, timeout=10).returncode:
        pytest.skip("a small disk takes the right to mount")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True, timeout=10)


def _trouble(rig: Rig) -> None:
    """Much to tell: workers are killed and replaced, and deliveries go on."""
    rig.receiver.answer(every={"delay_seconds": 0.05})
    rig.producer.begin(rate=60)
    end = time.monotonic() + lasting(4.0)
    while time.monotonic() < end:
        victim = rig.worker(busy=True)
        killed = rig.kill(victim)
        rig.recovered(killed, [victim["pid"]])
        before = len(rig.receiver.delivered())
        until(lambda: len(rig.receiver.delivered()) > before, within=5.0)  # noqa: B023
        time.sleep(0.5)  # the next kill
    rig.producer.end()


def _counted(rig: Rig) -> None:
    until(lambda: rig.fleet.status()["log_lines_dropped"] > 0, within=5.0)
