"""A real parent with real children that are silent: hung, busy, stopped, stuck in the kernel."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from support.chaos import proc
from support.fleet_fixtures import Start
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


def test_a_silent_worker_is_dumped_killed_and_replaced(start: Start) -> None:
    run = start(workers=2, hang_seconds=1.0, behaviour={"0": "hang"})
    until(lambda: any(w["last_cause"] == "hung" for w in run.workers().values()), 5.0)
    assert "stub_fleet.py" in run.stderr, "the stack of the hung worker"
    assert {one["name"] for one in run.events("process-ended")} == {"w00"}


def test_a_worker_that_computes_has_twice_the_time(start: Start) -> None:
    run = start(workers=2, hang_seconds=2.0, behaviour={"0": "compute"})
    until(lambda: run.events("process-judged"), 15.0, lambda: run.stderr)
    assert run.events("process-judged")[0]["verdict"] == "busy"
    run.until_serving(2)
    assert run.events("process-ended") == []


def test_a_stopped_worker_is_shown_and_goes_on_unharmed(start: Start) -> None:
    run = start(workers=2, hang_seconds=1.0)
    run.until_serving(2)
    pid = run.pid("w00")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: run.workers()["w00"]["state"] == "stopped", 2.0)
    assert run.status()["problems"][0]["kind"] == "stopped-worker"
    time.sleep(2.5)  # longer than a silent worker lives
    assert (run.pid("w00"), run.workers()["w00"]["state"]) == (pid, "stopped")
    os.kill(pid, signal.SIGCONT)
    run.until_serving(2)
    assert run.pid("w00") == pid
    assert run.events("process-ended") == []
    assert len(run.events("process-stopped")) == len(run.events("process-continued")) == 1


def test_a_worker_that_is_stopped_for_too_long_is_replaced(start: Start) -> None:
    run = start(workers=1, hang_seconds=1.0, stopped_seconds=1.5)
    run.until_serving(1)
    before = run.pid("w00")
    os.kill(before, signal.SIGSTOP)
    began = time.monotonic()
    until(lambda: run.serving(1) and run.pid("w00") != before, 6.0)
    assert time.monotonic() - began > 1.5
    assert [one["why"] for one in run.events("process-killed")] == ["stopped for too long"]
    assert [one["cause"] for one in run.events("process-ended")] == ["killed"]
    until(lambda: len(run.reclaimed()) == 1)


def test_a_worker_that_hangs_in_the_kernel_has_a_stand_in(start: Start) -> None:
    run = start(workers=2, hang_seconds=1.0, behaviour={"0": "block"})
    until(lambda: run.events("stand-in"), 15.0, lambda: run.stderr)
    blocked = run.pid("w00")
    until(lambda: run.workers().get("w02", {}).get("state") == "ready", 3.0)
    assert run.status()["workers_wanted"] == 2
    assert run.pid("w00") == blocked, "SIGKILL would not help"
    os.close(os.open(run.directory / "pipe", os.O_WRONLY))
    run.until_serving(2)
    assert set(run.workers()) == {"w00", "w01"}
    assert run.pid("w00") == blocked
    assert {one["name"] for one in run.events("process-ended")} == {"w02"}


def test_a_wedged_worker_that_its_own_alarm_ended_was_hung(start: Start) -> None:
    run = start(workers=2, hang_seconds=60.0, behaviour={"1": "wedge"})
    ended = until(lambda: run.events("process-ended"), 20.0, lambda: run.stderr)[0]
    assert (ended["name"], ended["cause"], ended["exit"]) == ("w01", "hung", "SIGALRM")


def test_a_boot_that_hangs_is_ended(start: Start) -> None:
    run = start(workers=2, boot_seconds=0.5, behaviour={"1": "hang-boot"})
    until(lambda: run.workers().get("w01", {}).get("last_cause") == "hung", 5.0)
    assert run.workers()["w00"]["restarts"] == 0


@pytest.mark.parametrize("whole", [False, True], ids=["one worker", "the fleet"])
def test_a_freeze_cuts_no_drain(start: Start, whole: bool) -> None:
    run = start(workers=2, drain_seconds=3.0, behaviour={"1": "slow"})
    run.until_serving(2)
    if whole:
        run.signal(signal.SIGTERM)
    else:
        assert json.loads(run.ask(b'{"cmd": "scale", "workers": 1}')[0])["ok"]
    until(lambda: run.workers()["w01"]["state"] == "draining")
    run.signal(signal.SIGSTOP)
    until(lambda: proc.state(run.process.pid) == "T")  # it reaps nobody any more
    children = run.children()
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(4.0)  # longer than the drain may take
    for pid in (*children, run.process.pid):
        os.kill(pid, signal.SIGCONT)
    until(lambda: any(one["name"] == "w01" for one in run.events("process-ended")), 10.0)
    assert run.events("parent-late")
    assert "drain-cut" not in {one["cause"] for one in run.events("process-ended")}
    if whole:
        assert run.wait() == 0


def test_a_parent_that_was_stopped_blames_nobody(start: Start) -> None:
    run = start(workers=2, hang_seconds=1.0)
    run.until_serving(2)
    pids = [run.process.pid, *run.children()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(2.5)  # longer than the workers may be silent
    assert run.status()["problems"][0]["kind"] in {"parent-silent", "stale-worker"}
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    until(lambda: run.events("parent-late"))
    run.until_serving(2)
    assert run.events("process-ended") == []
