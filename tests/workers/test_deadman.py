"""The dead-man alarm, on processes that are really wedged, really frozen, really orphaned."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chaos import proc
from support.until import until

from sockq.workers.deadman import GRACE_SECONDS

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux's timers")

#: Beats ten times a second until told to wedge: C code that holds the GIL and never looks up.
PROGRAM = """
import ctypes, signal, sys, time
from sockq.workers.deadman import DeadMan
deadman = DeadMan()
assert deadman.works
silence = float(sys.argv[1])
wedge = []
signal.signal(signal.SIGUSR1, lambda *_: wedge.append(1))
deadman.beat(silence)
print("up", flush=True)
while not wedge:
    deadman.beat(silence)
    time.sleep(0.1)
while True:
    ctypes.PyDLL(None).sleep(60)  # PyDLL: the GIL is held
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "0.6"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        assert started.stdout is not None
        assert started.stdout.readline() == b"up\n"
        yield started
    finally:
        started.kill()
        started.wait()
        assert started.stdout is not None
        started.stdout.close()


def test_a_process_wedged_with_the_gil_held_dies_of_sigalrm(
    process: subprocess.Popen[bytes],
) -> None:
    process.send_signal(signal.SIGUSR1)
    began = time.monotonic()
    assert process.wait(GRACE_SECONDS + 5) == -signal.SIGALRM
    assert time.monotonic() - began + 0.2 >= GRACE_SECONDS


def test_a_freeze_of_many_times_the_limit_kills_nobody(process: subprocess.Popen[bytes]) -> None:
    for _ in range(2):
        process.send_signal(signal.SIGSTOP)
        time.sleep(GRACE_SECONDS / 2)  # four times the limit; what passes here is the point
        process.send_signal(signal.SIGCONT)
        # longer than the second stage would need, if no beat took it back
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.0)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS + 0.5)


def test_a_last_word_is_the_last() -> None:
    script = """
import time
from sockq.workers.deadman import DeadMan
deadman = DeadMan()
deadman.end_within(0.2)
while True:
    deadman.beat(60)
    time.sleep(0.01)
"""
    done = subprocess.run([sys.executable, "-c", script], timeout=10, check=False)
    assert done.returncode == -signal.SIGALRM


ORPHAN = """
import ctypes, os, sys, time
from sockq.workers.deadman import DeadMan
parent = os.getpid()
if os.fork() == 0:
    deadman = DeadMan()
    deadman.beat(600)
    assert deadman.end_with(parent)
    print(os.getpid(), flush=True)
    while True:  # the first stage interrupts a sleep
        ctypes.PyDLL(None).sleep(60)
time.sleep(60)
"""


def test_a_wedged_orphan_dies_soon_although_its_limit_is_long() -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        began = time.monotonic()
        until(lambda: not proc.is_running(orphan), within=GRACE_SECONDS + 5)
        assert time.monotonic() - began > GRACE_SECONDS / 2


def test_who_has_no_parent_any_more_is_told() -> None:
    script = (
        "from sockq.workers.deadman import DeadMan; import os;"
        "assert DeadMan().end_with(os.getppid()); assert not DeadMan().end_with(1 << 22)"
    )
    subprocess.run([sys.executable, "-c", script], timeout=10, check=True)
