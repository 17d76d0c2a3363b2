"""A real parent on a machine that has nothing left: no descriptor, no process, no init."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.chaos import proc
from support.fleet_fixtures import Start
from support.fleet_run import FleetRun
from support.until import until

from sockq.supervisor.faults import Faults
from sockq.supervisor.reserve import Reserve
from sockq.workers.logs import Log

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


def leave_no_descriptor(run: FleetRun) -> tuple[int, int]:
    """From now on the parent can open nothing; returns the limits of before."""
    held = [int(path.name) for path in Path(f"/proc/{run.process.pid}/fd").iterdir()]
    # all numbers below the limit are in use, or the gaps would still be had
    limit = next(number for number in range(len(held) + 1) if number not in held)
    hard = resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE)[1]
    return resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE, (limit, hard))


def test_without_descriptors_it_still_answers_reaps_and_recovers(start: Start) -> None:
    run = start(workers=2, first_seconds=0.05, cap_seconds=0.2)
    run.until_serving(2)
    before = leave_no_descriptor(run)
    for _ in range(3):
        assert b'"ok":true' in run.ask(b'{"cmd": "ping"}')[0]
    os.kill(run.pid("w00"), signal.SIGKILL)
    until(lambda: run.events("process-ended"), 5.0, lambda: run.stderr)
    until(lambda: b'"ok":true' in run.ask(b'{"cmd": "ping"}')[0])
    assert run.process.poll() is None
    resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE, before)
    run.until_serving(2, 10.0)
    run.signal(signal.SIGTERM)
    assert run.wait() == 0


def test_without_descriptors_it_kills_nobody_whom_it_cannot_see(start: Start) -> None:
    run = start(workers=2, hang_seconds=1.5)
    run.until_serving(2)
    pid = run.pid("w00")
    before = leave_no_descriptor(run)
    os.kill(pid, signal.SIGSTOP)
    until(lambda: run.events("process-judged"), 10.0, lambda: run.stderr)
    assert [one["verdict"] for one in run.events("process-judged")] == ["unseen"]
    resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE, before)
    until(lambda: run.workers()["w00"]["state"] == "stopped", 5.0, lambda: run.stderr)
    os.kill(pid, signal.SIGCONT)
    run.until_serving(2)
    assert run.pid("w00") == pid


def test_without_descriptors_it_still_stops_in_order(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    leave_no_descriptor(run)
    run.signal(signal.SIGTERM)
    assert run.wait() == 0
    assert len(run.reclaimed()) == 2


def test_clients_that_cannot_be_accepted_do_not_make_it_spin(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    leave_no_descriptor(run)
    clients = [subprocess.Popen(_hang_on(run), stdout=subprocess.PIPE) for _ in range(4)]
    try:
        for client in clients:
            assert client.stdout is not None
            client.stdout.readline()
        before = proc.cpu_seconds(run.process.pid)
        time.sleep(2.0)  # what it does in this time is the point
        assert proc.cpu_seconds(run.process.pid) - before < 0.2
    finally:
        for client in clients:
            client.kill()
            client.wait()
            assert client.stdout is not None
            client.stdout.close()
    until(lambda: b'"ok":true' in run.ask(b'{"cmd": "ping"}')[0])


def _hang_on(run: FleetRun) -> list[str]:
    script = (
        "import socket, sys, time; c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1]);"
        "print('there', flush=True); time.sleep(60)"
    )
    return [sys.executable, "-c", script, str(run.directory / "control.sock")]


def test_a_machine_without_room_for_a_process_is_waited_for(start: Start) -> None:
    run = start(workers=2, first_seconds=0.05, cap_seconds=0.2)
    run.until_serving(2)
    other = run.pid("w01")
    (run.directory / "no-forks").touch()
    os.kill(run.pid("w00"), signal.SIGKILL)
    until(lambda: len(run.events("fork-failed")) >= 5, 10.0, lambda: run.stderr)
    assert run.workers()["w00"]["state"] in ("backoff", "spawning")
    assert run.workers()["w01"]["state"] == "ready"
    (run.directory / "no-forks").unlink()
    run.until_serving(2)
    assert run.pid("w01") == other
    assert run.events("crash-loop") == []


PID_1 = """
import os, subprocess, sys, time
# a grandchild that nobody waits for becomes ours, and ends with a code that means much to us
subprocess.Popen(["/bin/sh", "-c", "(sleep 0.5; exit 78) & (sleep 0.6; exit 3) & exit 0"]).wait()
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_as_pid_1_it_reaps_strangers_and_minds_none_of_them(socket_dir: Path) -> None:
    unshare = shutil.which("unshare")
    able = (
        unshare
        and not subprocess.run(
            [unshare, "-Upf", "--mount-proc", "true"], capture_output=True, check=False
        ).returncode
    )
    if not able:
        pytest.skip("no PID namespace to be had here")
    assert unshare is not None
    program = Path(__file__).parents[1] / "support" / "stub_fleet.py"
    fleet = [str(program), str(socket_dir), json.dumps({"workers": 2})]
    inside = [unshare, "-Upfr", "--mount-proc", "--kill-child"]
    log = socket_dir / "stderr0"
    with log.open("wb") as stderr:
        outer = subprocess.Popen(
            [*inside, sys.executable, "-c", PID_1, *fleet],
            stderr=stderr,
            stdin=subprocess.DEVNULL,
        )
    try:
        until(lambda: b"fleet-ready" in log.read_bytes(), 10.0, log.read_text)
        (inner,) = until(lambda: proc.children(outer.pid), 5.0)

        # the strangers are gone, not even as zombies: left are the janitor and two workers
        until(lambda: len(_states_below(inner)) == 3, 10.0, log.read_text)
        assert "Z" not in _states_below(inner)
        assert outer.poll() is None
        os.kill(inner, signal.SIGTERM)
        assert outer.wait(10.0) == 0
    finally:
        outer.kill()
        outer.wait()


def _states_below(pid: int) -> list[str]:
    states = map(proc.state, proc.children(pid))
    return [state for state in states if state]  # one of them may have been reaped just now


def test_the_reserve_is_lent_once_and_had_again() -> None:
    reserve = Reserve()
    number = reserve.fd
    assert reserve.lend()
    assert not reserve.lend()
    assert os.open(os.devnull, os.O_RDONLY) == number
    os.close(number)
    reserve.take_back()
    assert reserve.fd == number
    reserve.close()


def test_a_fault_of_a_step_is_told_once_and_goes_no_further(tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    with (tmp_path / "log").open("wb") as file:
        faults = Faults(Log("parent", file.fileno(), readable=False))
        assert not faults.guard("this", broken)
        assert not faults.guard("this", broken)
        assert faults.guard("that", lambda: None)
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert json.loads(line)["step"] == "this"
