"""A real parent with real children: what it does when they die, and what that costs it."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

import pytest
from support.chaos import proc
from support.fleet_fixtures import Start
from support.fleet_run import FleetRun
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


def kill_and_await(run: FleetRun, name: str) -> None:
    """Kill a worker; return when the fleet is whole again."""
    pid = run.pid(name)
    os.kill(pid, signal.SIGKILL)
    until(lambda: run.serving(2) and run.pid(name) != pid, 3.0, lambda: run.stderr)


def test_a_killed_worker_is_replaced_and_its_jobs_go_back(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    before, other = run.pid("w00"), run.pid("w01")
    os.kill(before, signal.SIGKILL)
    began = time.monotonic()
    until(lambda: run.workers()["w00"]["pid"] not in (None, before) and run.serving(2), 2.0)
    assert time.monotonic() - began < 2.0
    until(lambda: any(one.endswith("w00.g1") for one in run.reclaimed()), 2.0)
    assert run.pid("w01") == other
    (ended,) = run.events("process-ended")
    assert (ended["cause"], ended["exit"], ended["pid"]) == ("killed", "SIGKILL", before)
    worker = run.workers()["w00"]
    assert (worker["restarts"], worker["last_cause"]) == (1, "killed")


@pytest.mark.parametrize("step", ["Channels.hear", "Endings.judge", "Patrol.forget", "Brake.ended"])
def test_a_fault_of_the_parent_itself_loses_no_slot_and_no_jobs(start: Start, step: str) -> None:
    run = start(workers=2)
    run.until_serving(2)
    before = run.pid("w00")
    (run.directory / "parent-is-ill").write_text(step)
    os.kill(before, signal.SIGKILL)
    until(lambda: any(one.endswith("w00.g1") for one in run.reclaimed()), 5.0, lambda: run.stderr)
    (run.directory / "parent-is-ill").unlink()
    until(lambda: run.serving(2) and run.pid("w00") != before, 5.0, lambda: run.stderr)
    told = run.events("parent-fault")
    assert "end of w00" in {one["step"] for one in told}
    assert all(f"stub illness in {step}" in one["error"] for one in told)
    run.signal(signal.SIGTERM)
    assert run.wait() == 0


def test_a_parent_that_cannot_go_on_says_why_and_leaves_its_workers_known(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    illness = run.directory / "parent-is-ill"
    illness.write_text("Reaping.take_in")
    assert run.wait() == 70
    (told,) = run.events("parent-fault")
    assert (told["level"], told["step"]) == ("error", "the parent's loop")
    assert "RuntimeError('stub illness" in told["error"]
    assert "stub_fleet.py:" in told["where"]
    assert "Traceback" not in run.stderr
    known = [line.split(":")[-1] for line in (run.directory / "owners").read_text().splitlines()]
    assert {"w00.g1", "w01.g1"} <= set(known)
    illness.unlink()
    after = start(workers=2)
    after.until_serving(2)
    assert after.events("predecessor-found")[0]["owners"] == 3
    until(lambda: [one.split(":")[-1] for one in after.reclaimed()] == ["w00.g1", "w01.g1"], 3.0)


def test_all_workers_killed_at_once_are_all_replaced(start: Start) -> None:
    run = start(workers=4)
    run.until_serving(4)
    before = {one["pid"] for one in run.workers().values()}
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: run.serving(4) and not before & {w["pid"] for w in run.workers().values()}, 3.0)
    assert run.events("crash-loop") == []
    until(lambda: len(run.reclaimed()) == 4)


def test_term_to_one_worker_restarts_only_that_one(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    before, other = run.pid("w00"), run.pid("w01")
    os.kill(before, signal.SIGTERM)
    until(lambda: run.serving(2) and run.pid("w00") != before, 2.0)
    assert run.pid("w01") == other
    assert [one["cause"] for one in run.events("process-ended")] == ["stopped"]


def test_a_killed_janitor_is_replaced_and_told_again(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    deaf = run.directory / "janitor-is-deaf"
    deaf.touch()
    os.kill(run.pid("w00"), signal.SIGKILL)
    until(lambda: run.status()["pending_reclaims"] == 1)
    assert run.reclaimed() == []
    deaf.unlink()
    os.kill(run.pid("janitor"), signal.SIGKILL)
    until(lambda: [one.split(":")[-1] for one in run.reclaimed()] == ["w00.g1"], 3.0)
    until(lambda: run.status()["pending_reclaims"] == 0)


def test_fifty_deaths_cost_the_parent_nothing(start: Start) -> None:
    run = start(workers=2, first_seconds=0.001, cap_seconds=0.002)
    run.until_serving(2)

    def cost() -> tuple[int, int]:
        base = Path(f"/proc/{run.process.pid}")
        return len(list((base / "fd").iterdir())), len(list((base / "task").iterdir()))

    os.kill(run.pid("w00"), signal.SIGKILL)
    until(lambda: run.workers()["w00"]["restarts"] == 1)
    run.until_serving(2)
    before = cost()
    for _ in range(50):
        kill_and_await(run, "w01")
    assert cost() == before
    assert before[1] == 1
    assert len(run.children()) == 3


def test_children_hold_nothing_of_the_parents(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)

    def links(pid: int) -> list[str]:
        return [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]

    for name in ("w00", "w01", "janitor"):
        held = links(run.pid(name))
        sockets = [one for one in held if one.startswith("socket:")]
        assert len(sockets) == 1, f"{name}: its own channel only, not {held}"
        assert not [one for one in held if "pipe:" in one or "pidfd" in one or "lock" in one]


def test_the_parent_hardly_works_while_nothing_happens(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    before = proc.cpu_seconds(run.process.pid)
    time.sleep(3.0)
    assert proc.cpu_seconds(run.process.pid) - before < 0.035, "three ticks of a hundredth"


def test_a_full_stderr_does_not_stop_the_fleet(socket_dir: Path) -> None:
    read_end, write_end = os.pipe()
    room = fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    os.write(write_end, b"x" * room)
    run = FleetRun(socket_dir, write_end, workers=2)
    try:
        run.until_serving(2)
        before = run.pid("w00")
        os.kill(before, signal.SIGKILL)
        until(lambda: run.serving(2) and run.pid("w00") != before, 3.0)
        until(lambda: run.status()["log_lines_dropped"] > 5)
        run.signal(signal.SIGTERM)
        assert run.wait(3.0) == 0
    finally:
        run.end()
        os.close(read_end)
        os.close(write_end)
