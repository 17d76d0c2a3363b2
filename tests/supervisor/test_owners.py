"""Owners are remembered until their jobs went back; only the very same process is ever killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sockq.supervisor.owners import (
    Known,
    OwnersFile,
    await_gone,
    owner_prefix,
    remember,
    start_time,
)
from sockq.supervisor.reclaims import Reclaims

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])


def test_names_are_short_unique_and_without_spaces(tmp_path: Path) -> None:
    name = f"{owner_prefix(tmp_path, 1_790_000_000_000)}:w127.g100000"
    assert len(name) < 100
    assert " " not in name
    assert owner_prefix(tmp_path, 1) != owner_prefix(tmp_path, 2)
    assert owner_prefix(tmp_path / "x", 1) != owner_prefix(tmp_path, 1)


def test_what_children_wrote_is_left_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "owners"
    file = OwnersFile.open(path)
    assert file.left == []
    remember(file.fd, "host:w00.g1")
    with path.open("a") as torn:
        torn.write("torn li")
    again = OwnersFile.open(path)
    assert again.left == [Known(os.getpid(), start_time(os.getpid()) or 0, "host:w00.g1")]
    again.close([])
    assert path.read_text() == ""


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "owners"
    file = OwnersFile.open(path)
    needed = [Known(1, 2, "host:w00.g1")]
    for number in range(2000):
        remember(file.fd, f"host:w01.g{number}")
        file.appended(lambda: needed)
    lines = path.read_text().splitlines()
    assert len(lines) <= 502
    assert lines[0] == "1 2 host:w00.g1"
    file.close(needed)
    assert path.read_text() == "1 2 host:w00.g1\n"


def test_a_process_that_stays_is_killed_when_it_is_the_very_same() -> None:
    process = sleeper()
    known = Known(process.pid, start_time(process.pid) or 0, "host:w00.g1")
    assert await_gone([known], 0.05, 5.0) == []
    assert process.wait() == -9


def test_a_process_that_only_has_the_same_pid_is_left_alone() -> None:
    process = sleeper()
    known = Known(process.pid, (start_time(process.pid) or 0) - 1, "host:w00.g1")
    assert await_gone([known], 0.05, 0.05) == []
    assert process.poll() is None
    process.kill()
    process.wait()


def test_a_zombie_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert start_time(process.pid) is None
    process.wait()


def test_an_owner_is_told_once_per_janitor_until_it_is_done() -> None:
    reclaims = Reclaims()
    reclaims.add(Known(1, 0, "a"))
    assert reclaims.to_tell() == [("a", b'{"reclaim": "a", "blamed": []}\n')]
    reclaims.told("a")
    assert reclaims.to_tell() == []
    reclaims.janitor_lost()
    assert [owner for owner, _ in reclaims.to_tell()] == ["a"]
    assert reclaims.done("a")
    assert not reclaims.done("a")
    assert len(reclaims) == 0
    reclaims.add(Known(2, 0, "b"), frozenset({"0f", "0e"}))
    assert reclaims.to_tell() == [("b", b'{"reclaim": "b", "blamed": ["0e", "0f"]}\n')]
