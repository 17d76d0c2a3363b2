"""The verdict on a silent process: the rules by a table, the look on real processes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.until import until

from sockq.supervisor.proc_stat import look, parse
from sockq.supervisor.silence import UNSEEN, Look, Verdict, judge


@pytest.mark.parametrize(
    ("before", "now", "silent", "extended", "verdict"),
    [
        (Look("S", 1.0), Look("S", 1.0), 16, False, Verdict.KILL),
        (Look("S", 1.0), Look("R", 1.02), 16, False, Verdict.KILL),
        (Look("R", 1.0), Look("R", 1.9), 16, False, Verdict.BUSY),
        (Look("R", 1.0), Look("S", 1.05), 16, False, Verdict.BUSY),
        (Look("R", 1.0), Look("R", 9.0), 16, True, Verdict.KILL),
        (Look("R", 1.0), Look("R", 9.0), 30, False, Verdict.KILL),
        (None, Look("R", 9.0), 16, False, Verdict.KILL),
        (Look("S", 1.0), Look("T", 1.0), 16, False, Verdict.STOPPED),
        (Look("S", 1.0), Look("t", 1.0), 99, True, Verdict.STOPPED),
        (Look("S", 1.0), Look("D", 1.0), 16, False, Verdict.BLOCKED),
        (None, Look("D", 1.0), 99, True, Verdict.BLOCKED),
        (Look("S", 1.0), None, 16, False, Verdict.KILL),
        (None, None, 16, False, Verdict.KILL),
        (Look("S", 1.0), UNSEEN, 16, False, Verdict.UNSEEN),
        (UNSEEN, UNSEEN, 59, True, Verdict.UNSEEN),
        (UNSEEN, UNSEEN, 60, False, Verdict.KILL),
        (UNSEEN, Look("S", 1.0), 16, False, Verdict.UNSEEN),
        (UNSEEN, Look("T", 1.0), 16, False, Verdict.STOPPED),
        (UNSEEN, None, 16, False, Verdict.KILL),
    ],
)
def test_the_verdict(
    before: Look | None, now: Look | None, silent: float, extended: bool, verdict: Verdict
) -> None:
    said = judge(before, now, silent_seconds=silent, patience_seconds=15, extended=extended)
    assert said is verdict


def test_a_name_may_be_anything() -> None:
    stat = b"12 (a) S 3) T 1 12 12 0 -1 4194304 94 0 0 0 150 25 0 0 20 0 1 0 1234"
    assert parse(stat) == Look("T", 175 / os.sysconf("SC_CLK_TCK"))
    assert parse(b"12 (short) S 1") is None
    assert parse(b"") is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_a_look_at_a_real_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            seen = until(lambda: look(process.pid))
            assert seen is not None
            assert not seen.stopped
            later = seen.cpu_seconds + 0.1
            until(lambda: (now := look(process.pid)) and now.cpu_seconds > later)
            process.send_signal(signal.SIGSTOP)
            until(lambda: (now := look(process.pid)) and now.stopped)
        finally:
            process.kill()
    assert look(process.pid) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_a_look_without_a_descriptor_is_not_the_end_of_a_process() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        seen = look(os.getpid())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert seen == UNSEEN
