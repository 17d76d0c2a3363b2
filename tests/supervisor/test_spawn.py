"""The fork, looked at from a process that forks (this one may have threads)."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

import pytest

from sockq.supervisor.spawn import ChildSetup, SpawnError, spawn

HEAD = """
import json, os, random, signal, sys
from pathlib import Path
from sockq.supervisor.doorbell import Doorbell
from sockq.supervisor.spawn import ChildSetup, spawn
SETUP = ChildSetup("sockq:w07")
"""


def run(script: str) -> Any:
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", HEAD + script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout), out.stderr


def test_a_child_is_dressed_and_its_code_is_its_own() -> None:
    said, _ = run("""
read, write = os.pipe()
secret = os.open("/dev/null", os.O_RDONLY)
bell = Doorbell()
def body():
    status = Path("/proc/self/status").read_text()
    os.write(write, json.dumps({
        "name": Path("/proc/self/comm").read_text().strip(),
        "oom": int(Path("/proc/self/oom_score_adj").read_text()),
        "secret": Path(f"/proc/self/fd/{secret}").exists(),
        "stdin": os.readlink("/proc/self/fd/0"),
        "blocked": [l.split()[1] for l in status.splitlines() if l.startswith("SigBlk")][0],
        "term": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "int": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
        "wakeup": signal.set_wakeup_fd(-1),
    }).encode())
    return 42
random.seed(5)
pid = spawn(body, ChildSetup("sockq:w07", close_fds=(secret, *bell.fds, 999), oom_score_adj=400))
_, status = os.waitpid(pid, 0)
said = json.loads(os.read(read, 9999))
print(json.dumps(said | {"code": os.waitstatus_to_exitcode(status)}))
""")
    assert said == {
        "name": "sockq:w07",
        "oom": 400,
        "secret": False,
        "stdin": "/dev/null",
        "blocked": "0" * 16,
        "term": True,
        "int": True,
        "wakeup": -1,
        "code": 42,
    }


def test_a_body_that_raises_is_reported_and_never_returns() -> None:
    said, stderr = run("""
def body():
    raise ValueError("broken")
pid = spawn(body, SETUP)
_, status = os.waitpid(pid, 0)
print(json.dumps(os.waitstatus_to_exitcode(status)))
""")
    assert said == 70
    line = json.loads(next(line for line in stderr.splitlines() if line.startswith("{")))
    assert (line["process"], line["event"], line["error"]) == (
        "w07",
        "process-crashed",
        "ValueError",
    )
    assert "Traceback" in stderr


@pytest.mark.parametrize(("leaves", "code"), [("sys.exit(7)", 7), ("sys.exit('text')", 70)])
def test_system_exit_is_an_exit(leaves: str, code: int) -> None:
    said, _ = run(f"""
pid = spawn(lambda: {leaves}, SETUP)
print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
""")
    assert said == code


def test_a_signal_to_the_child_in_the_fork_window_never_reaches_the_parent() -> None:
    """Kill each child as early as can be, many times: the parent's doorbell stays silent."""
    said, _ = run("""
bell = Doorbell((signal.SIGTERM,))
codes = set()
for _ in range(200):
    pid = spawn(lambda: signal.pause() or 0, ChildSetup("sockq:w", close_fds=bell.fds))
    os.kill(pid, signal.SIGTERM)
    codes.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(json.dumps([sorted(codes), sorted(bell.take())]))
""")
    assert said == [[-15], []]


def test_the_parents_signals_work_after_a_fork() -> None:
    said, _ = run("""
bell = Doorbell((signal.SIGTERM,))
pid = spawn(lambda: 0, ChildSetup("sockq:w", close_fds=bell.fds))
os.waitpid(pid, 0)
os.kill(os.getpid(), signal.SIGTERM)
print(json.dumps(sorted(bell.take())))
""")
    assert said == [15]


def test_a_process_with_threads_may_not_fork() -> None:
    held = threading.Event()
    thread = threading.Thread(target=held.wait)
    thread.start()
    try:
        with pytest.raises(SpawnError, match="threads"):
            spawn(lambda: 0, ChildSetup("never"))
    finally:
        held.set()
        thread.join()
