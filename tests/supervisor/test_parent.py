"""A real parent with real children: what it does when they die, and how it stops."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fleet_run import FleetRun, is_alive
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")

Start = Callable[..., FleetRun]


@pytest.fixture
def start(socket_dir: Path) -> Iterator[Start]:
    runs: list[FleetRun] = []

    def begin(**options: Any) -> FleetRun:
        runs.append(FleetRun(socket_dir, **options))
        return runs[-1]

    yield begin
    for run in runs:
        run.end()


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
    assert (worker["restarts"], worker["last_cause"]) == (1, "crash")


def test_all_workers_killed_at_once_are_all_replaced(start: Start) -> None:
    run = start(workers=4)
    run.until_serving(4)
    before = {one["pid"] for one in run.workers().values()}
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: run.serving(4) and not before & {w["pid"] for w in run.workers().values()}, 3.0)
    assert run.events("crash-loop") == []
    until(lambda: len(run.reclaimed()) == 4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_idle_is_clean_and_quick(start: Start, number: int) -> None:
    run = start(workers=2)
    run.until_serving(2)
    children = run.children()
    run.signal(number)
    assert run.wait(3.0) == 0
    assert not any(is_alive(pid) for pid in children)
    assert sorted(one.split(":")[-1] for one in run.reclaimed()) == ["w00.g1", "w01.g1"]
    assert (run.directory / "owners").read_text() == ""
    assert run.status()["state"] == "DOWN"


def test_a_worker_that_does_not_stop_is_killed_at_the_deadline(start: Start) -> None:
    run = start(workers=2, drain_seconds=0.8, behaviour={"1": "stubborn"})
    run.until_serving(2)
    began = time.monotonic()
    run.signal(signal.SIGTERM)
    assert run.wait(5.0) == 1
    assert 0.8 <= time.monotonic() - began < 2.0
    assert any(one.endswith("w01.g1") for one in run.reclaimed())
    assert [one["cause"] for one in run.events("process-ended") if one["name"] == "w01"] == [
        "drain-cut"
    ]


def test_repeats_within_a_second_are_one_stop_and_later_ones_shorten_it(start: Start) -> None:
    run = start(workers=1, drain_seconds=30, behaviour={"*": "stubborn"})
    run.until_serving(1)
    for _ in range(200):
        run.signal(signal.SIGTERM)
    until(lambda: len(run.events("fleet-draining")) == 1)
    time.sleep(1.05)  # the rule is about this second itself
    run.signal(signal.SIGTERM)
    until(lambda: len(run.events("fleet-draining")) == 2, explain=lambda: run.stderr)
    first, second = run.events("fleet-draining")
    assert first["seconds"] == pytest.approx(30, abs=0.5)
    assert second["seconds"] == pytest.approx(5, abs=0.5)
    time.sleep(1.05)
    began = time.monotonic()
    run.signal(signal.SIGTERM)
    assert run.wait(3.0) == 1
    assert time.monotonic() - began < 1.5


def test_quit_kills_now_and_still_gives_back(start: Start) -> None:
    run = start(workers=2, behaviour={"*": "stubborn"})
    run.until_serving(2)
    run.signal(signal.SIGQUIT)
    assert run.wait(2.0) == 1
    assert len(run.reclaimed()) == 2


def test_no_child_outlives_a_killed_parent(start: Start) -> None:
    run = start(workers=3)
    run.until_serving(3)
    children = run.children()
    assert len(children) == 4
    run.signal(signal.SIGKILL)
    run.process.wait()
    until(lambda: not any(is_alive(pid) for pid in children), 1.0)


def test_the_next_parent_gives_back_what_a_killed_one_left(start: Start) -> None:
    run = start(workers=2, behaviour={"1": "stubborn"})
    run.until_serving(2)
    stubborn = run.pid("w01")
    run.signal(signal.SIGKILL)
    run.process.wait()
    assert is_alive(stubborn), "the test needs a worker that is still there"
    first = run.process.pid
    run = start(workers=1)
    run.until_serving(1)
    assert not is_alive(stubborn)
    until(lambda: len(run.reclaimed()) == 2)
    assert {one.split(":", 2)[2].split(":")[0] for one in run.reclaimed()} == {str(first)}


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


@pytest.mark.parametrize("code", [75, 78])
def test_a_janitor_that_cannot_start_ends_the_fleet_with_its_code(start: Start, code: int) -> None:
    run = start(workers=2, janitor=code)
    assert run.wait(3.0) == code
    assert run.stderr == "", "the janitor says why; the parent adds nothing"


def test_a_worker_that_refuses_its_configuration_at_boot_ends_the_fleet(start: Start) -> None:
    run = start(workers=2, behaviour={"*": "78"})
    assert run.wait(5.0) == 78


def test_a_worker_that_refuses_later_does_not_stop_the_others(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    run.behave(w0="78")
    os.kill(run.pid("w00"), signal.SIGKILL)
    until(lambda: run.workers()["w00"]["last_cause"] == "config")
    assert run.process.poll() is None
    assert run.workers()["w01"]["state"] == "ready"


def test_a_crash_loop_is_braked_and_one_canary_ends_it(start: Start) -> None:
    run = start(
        workers=3, behaviour={"*": "raise"}, cap_seconds=1.0, proof_seconds=0.3, first_seconds=0.05
    )
    until(lambda: run.events("crash-loop"), 5.0, lambda: run.stderr)
    time.sleep(1.2)  # what is measured is how little happens in this time
    deaths = len(run.events("process-ended"))
    assert deaths <= 6 + 3 + 2, "six open the breaker, those in flight, then one a second"
    assert run.status()["state"] == "DEGRADED"
    assert "stub fault" in run.stderr
    assert run.events("process-crashed")[0]["error"] == "RuntimeError"
    run.behave()
    run.until_serving(3, 8.0)
    until(lambda: run.events("crash-loop-over"))
    assert run.status()["state"] == "RUNNING"


def test_a_crash_loop_that_lasts_ends_the_fleet_when_asked_to(start: Start) -> None:
    run = start(workers=1, behaviour={"*": "3"}, first_seconds=0.01, give_up_seconds=0.2)
    assert run.wait(5.0) == 70


def test_a_silent_worker_is_dumped_killed_and_replaced(start: Start) -> None:
    run = start(workers=2, hang_seconds=1.0, behaviour={"0": "hang"})
    until(lambda: any(w["last_cause"] == "hung" for w in run.workers().values()), 5.0)
    assert "stub_fleet.py" in run.stderr, "the stack of the hung worker"
    assert {one["name"] for one in run.events("process-ended")} == {"w00"}


def test_a_stopped_worker_is_killed_too(start: Start) -> None:
    run = start(workers=1, hang_seconds=1.0)
    run.until_serving(1)
    before = run.pid("w00")
    os.kill(before, signal.SIGSTOP)
    until(lambda: run.serving(1) and run.pid("w00") != before, 5.0)
    assert [one["cause"] for one in run.events("process-ended")] == ["hung"]


def test_a_boot_that_hangs_is_ended(start: Start) -> None:
    run = start(workers=2, boot_seconds=0.5, behaviour={"1": "hang-boot"})
    until(lambda: run.workers().get("w01", {}).get("last_cause") == "hung", 5.0)
    assert run.workers()["w00"]["restarts"] == 0


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


def test_ttin_and_ttou_scale_down_to_one(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    run.signal(signal.SIGTTIN)
    run.until_serving(3)
    for left in (2, 1):
        run.signal(signal.SIGTTOU)
        run.until_serving(left)
    run.signal(signal.SIGTTOU)
    run.ask(b'{"cmd": "ping"}')
    assert run.status()["workers_wanted"] == 1
    run.signal(signal.SIGTTIN)
    run.until_serving(2)
    assert {one["cause"] for one in run.events("process-ended")} == {"expected"}


def test_tstp_pauses_and_cont_resumes(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    run.signal(signal.SIGTSTP)
    until(lambda: [w["state"] for w in run.workers().values()] == ["paused"] * 2)
    assert run.status()["state"] == "PAUSED"
    os.kill(run.pid("w00"), signal.SIGKILL)
    until(lambda: run.workers()["w00"]["restarts"] == 1)
    until(lambda: [w["state"] for w in run.workers().values()] == ["paused"] * 2)
    run.signal(signal.SIGCONT)
    run.until_serving(2)
    assert run.status()["state"] == "RUNNING"


def test_hup_replaces_every_worker_and_is_never_short_of_one(start: Start) -> None:
    run = start(workers=2, soak_seconds=0.2)
    run.until_serving(2)
    before = {one["pid"] for one in run.workers().values()}
    run.signal(signal.SIGHUP)
    fewest = 9
    while not run.events("fleet-reloaded"):
        states = [one["state"] for one in run.workers().values()]
        fewest = min(fewest, states.count("ready"))
        assert run.process.poll() is None
    assert fewest >= 2
    run.until_serving(2)
    assert not before & {one["pid"] for one in run.workers().values()}


def test_hup_with_broken_workers_keeps_the_old_ones(start: Start) -> None:
    run = start(workers=2, soak_seconds=0.2)
    run.until_serving(2)
    before = {one["pid"] for one in run.workers().values()}
    run.behave(**{"*": "78"})
    run.signal(signal.SIGHUP)
    until(lambda: run.events("reload-failed"))
    until(lambda: {one["pid"] for one in run.workers().values()} == before)
    run.until_serving(2)


def test_a_second_fleet_in_the_same_directory_is_refused(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    second = start(workers=1)
    assert second.wait() == 73
    assert second.stderr.count("\n") == 1
    assert str(run.process.pid) in second.stderr
    run.signal(signal.SIGTERM)
    assert run.wait() == 0


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


def test_the_control_socket_answers_and_survives_nonsense(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    answers = run.ask(b"nonsense", b'{"cmd": "burn"}', b"[1]", b'{"cmd": "ping"}')
    assert [b'"ok":false' in one for one in answers] == [True, True, True, False]
    assert f'"pid":{run.process.pid}'.encode() in answers[3]


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

    def cpu_ticks() -> int:
        stat = Path(f"/proc/{run.process.pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2 :].split()
        return int(fields[11]) + int(fields[12])

    before = cpu_ticks()
    time.sleep(3.0)
    assert (cpu_ticks() - before) / os.sysconf("SC_CLK_TCK") <= 0.03


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
