"""One fleet, one directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sockq.supervisor.pidlock import LockError, LockInfo, PidLock, prepare_directory, read_lock

HOLD = (
    "import sys; from pathlib import Path\n"
    "from sockq.supervisor.pidlock import *\n"
    "import os\n"
    "lock = PidLock.take(Path(sys.argv[1]))\n"
    "lock.write(LockInfo(os.getpid(), 7))\n"
    "print('held', flush=True); sys.stdin.read()\n"
)


def holder(directory: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    prepare_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_directory_that_others_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(mode)
    with pytest.raises(LockError, match="writable by others"):
        PidLock.take(tmp_path / "d")


def test_a_directory_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(LockError, match="belongs to uid"):
        PidLock.take(tmp_path)


def test_a_file_in_its_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LockError, match="cannot use") as caught:
        PidLock.take(tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_a_second_one_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    first = holder(tmp_path)
    try:
        with pytest.raises(LockError, match=rf"another fleet \(pid {first.pid}\)"):
            PidLock.take(tmp_path)
        assert read_lock(tmp_path) == LockInfo(first.pid, 7)
    finally:
        end(first)


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    end(holder(tmp_path))
    assert (tmp_path / "sockq.lock").read_text() != ""
    assert read_lock(tmp_path) is None
    PidLock.take(tmp_path).release()


def test_no_lock_no_fleet(tmp_path: Path) -> None:
    assert read_lock(tmp_path) is None
    lock = PidLock.take(tmp_path)
    lock.write(LockInfo(1, None))
    lock.release()
    assert (tmp_path / "sockq.lock").read_text() == ""
