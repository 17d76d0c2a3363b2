"""The observer: it sees a parent to its end, reaped or not, and tells when it did not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.chaos import proc
from support.chaos.observer import Observer
from support.memory_cgroup import memory_cgroup
from support.until import until

pytestmark = pytest.mark.timeout(60)


def _answer(listener: socket.socket) -> None:
    end, _ = listener.accept()
    with end:
        while said := end.recv(4096):
            end.sendall(b"{}\n" * said.count(b"\n"))


@contextmanager
def _watched(group: Path | None = None) -> Iterator[tuple[subprocess.Popen[bytes], Observer]]:
    """Something that runs, somebody who answers in its place, and an observer of both.

    Args:
        group: ``cgroup.procs`` of the control group in which it runs.
    """
    with (
        tempfile.TemporaryDirectory(prefix="sqo") as directory,
        socket.socket(socket.AF_UNIX) as listener,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent,
    ):
        if group is not None:
            group.write_text(str(parent.pid))
        listener.bind(f"{directory}/control.sock")
        listener.listen()
        threading.Thread(target=_answer, args=(listener,), daemon=True).start()
        observer = Observer(parent.pid, Path(directory), Path(directory) / "seen")
        until(lambda: observer.so_far().complete, within=30.0)
        try:
            yield parent, observer
        finally:
            parent.kill()


def test_a_parent_that_is_not_reaped_is_no_fault_of_the_observer() -> None:
    with _watched() as (parent, observer):
        os.kill(parent.pid, signal.SIGKILL)
        until(lambda: not proc.is_running(parent.pid))
        # root may look into it as before; for others the watch ends
        until(
            lambda: observer.so_far().samples[-1].rss == 0 or not proc.is_running(observer.pid),
            within=10.0,
        )
        seen = observer.stop()
    assert seen.samples[0].rss > 0
    assert seen.answers["parent"]


def test_an_observer_that_did_not_see_everything_says_so() -> None:
    with _watched() as (_, observer):
        os.kill(observer.pid, signal.SIGKILL)
        with pytest.raises(AssertionError, match="the observer ended with -9"):
            observer.stop()


def test_the_control_process_lives_in_the_control_group_of_the_parent() -> None:
    """What the kernel makes all of a group wait for is the machine's part."""
    with memory_cgroup(256 << 20) as procs, _watched(procs) as (_, observer):
        (control,) = proc.children(observer.pid)
        until(lambda: proc.memory_group(control) == procs.parent, within=5.0)
        assert proc.memory_group(observer.pid) != procs.parent
        observer.stop()
