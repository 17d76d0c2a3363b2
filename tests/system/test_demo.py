"""``sockq demo`` as a user starts it: deliveries at once, a clean end, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from support.pty_screen import PtyScreen
from support.until import until

pytestmark = pytest.mark.system
_COMMAND = [sys.executable, "-m", "sockq.supervisor"]


@contextmanager
def demo(directory: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    # Variables of the surroundings must not reach the demo's fleet.
    environ = {**os.environ, "QUEUE_DRIVER": "kafka", "REDIS_URL": "nonsense"}
    process = subprocess.Popen(
        [*_COMMAND, "demo", "--dir", str(directory / "d"), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def children_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def delivered_lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if "delivered 200 signature ok" in line:
            lines.append(line)
        if len(lines) == count:
            break
    return lines


def test_events_are_delivered_and_ctrl_c_ends_everything_with_a_summary(socket_dir: Path) -> None:
    with demo(socket_dir, "--rate", "20") as process:
        lines = delivered_lines(process, 5)
        children = children_of(process.pid)
        assert len(children) >= 5  # parent, broker, janitor, two workers
        shown = subprocess.run(
            [*_COMMAND, "status", "--dir", str(socket_dir / "d")],
            capture_output=True,
            check=False,
            text=True,
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert any(" channel_occupied " in line and " orders " in line for line in lines)
    assert shown.returncode == 0, shown.stdout
    assert process.returncode == 0
    assert err == ""
    sent, delivered, verified = (int(word) for word in out.splitlines()[-1].split()[1::2])
    assert sent == delivered == verified >= 5
    assert gone(children)


def test_it_ends_by_itself_when_told_how_long(socket_dir: Path) -> None:
    with demo(socket_dir, "--seconds", "1", "--rate", "30", "--workers", "1") as process:
        out, err = process.communicate(timeout=40)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1].startswith("sent ")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_demo_leaves_no_process_behind(socket_dir: Path) -> None:
    with demo(socket_dir, "--rate", "20") as process:
        delivered_lines(process, 1)
        children = children_of(process.pid)
        process.kill()
        until(lambda: gone(children), within=20)


def test_a_directory_in_use_is_one_message_and_73(socket_dir: Path) -> None:
    with demo(socket_dir) as first:
        delivered_lines(first, 1)
        second = subprocess.run(
            [*_COMMAND, "run", "--mode", "worker", "--dir", str(socket_dir / "d")],
            capture_output=True,
            check=False,
            text=True,
            timeout=30,
        )
    assert second.returncode == 73
    assert "another fleet" in second.stderr.splitlines()[-1]


def test_it_runs_behind_the_live_screen(socket_dir: Path) -> None:
    command = [*_COMMAND, "demo", "--status", "--rate", "50", "--dir", str(socket_dir / "d")]
    with PtyScreen(command) as seen:
        seen.shows("workers 2/2", within=20)
        seen.shows("closed", within=20)  # the receiver is an endpoint that works
        seen.type("q")
        seen.shows("drain and stop the fleet? type y")
        seen.type("y")
        assert seen.wait(20) == 0
        sent, delivered, verified = re.findall(r"(?:sent|delivered|verified) (\d+)", seen.text)
    assert int(sent) == int(delivered) == int(verified) > 0
