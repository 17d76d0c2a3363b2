"""A real parent with real children: planned restarts, which share one token."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from support.fleet_fixtures import Start
from support.fleet_run import FleetRun
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")

QUICK = {"baseline_seconds": 0.0, "least_seconds": 0.5}


def fewest_ready(run: FleetRun, ends: int) -> int:
    """How few were ready at once until so many processes had ended."""
    fewest = 99
    while len(run.events("process-ended")) < ends:
        states = [one["state"] for one in run.workers().values()]
        fewest = min(fewest, states.count("ready"))
        assert run.process.poll() is None, run.stderr
    return fewest


def test_workers_that_leak_alike_go_one_at_a_time(start: Start) -> None:
    recycle = QUICK | {"growth_bytes": 10 << 20}
    run = start(workers=4, behaviour={"*": "leak"}, recycle=recycle)
    run.until_serving(4, 10.0)
    # eight: each of the four once, and each time the extra one that came before
    assert fewest_ready(run, 8) >= 3
    ended = run.events("process-ended")
    own = [one for one in ended if one["name"] != "w04"]
    assert {(one["cause"], one["exit"]) for one in own} == {("recycled", "exit 86")}
    assert {one["restart_in_seconds"] for one in own} == {0}
    assert all(one["why"] == "growth" for one in run.events("worker-due"))
    assert run.events("crash-loop") == []
    assert run.workers()["w00"]["last_cause"] == "recycled"


def test_old_workers_are_replaced_and_a_stop_forgets_who_is_due(start: Start) -> None:
    run = start(workers=2, recycle=QUICK | {"age_seconds": 1.0})
    until(lambda: run.events("recycling"), 15.0, lambda: run.stderr)
    run.signal(signal.SIGTERM)
    assert run.wait(10.0) == 0


def test_a_limit_that_a_newborn_reaches_is_said_once(start: Start) -> None:
    run = start(workers=2, recycle=QUICK | {"age_seconds": 0.01, "least_seconds": 3.0})
    until(lambda: run.events("recycling"), 20.0, lambda: run.stderr)
    (said,) = run.events("recycle-too-soon")
    assert said["setting"] == "sockq.recycle_seconds"


def test_a_reload_that_is_given_up_brings_no_limits(start: Start) -> None:
    run = start(workers=2, soak_seconds=0.2, later={"recycle": QUICK | {"age_seconds": 0.5}})
    run.until_serving(2)
    run.behave(**{"*": "78"})
    run.signal(signal.SIGHUP)
    until(lambda: run.events("reload-failed"), 15.0, lambda: run.stderr)
    run.behave()
    killed = run.pid("w00")
    os.kill(killed, signal.SIGKILL)  # limits are drawn when one becomes ready
    until(lambda: run.pid("w00") != killed and run.serving(2), 15.0, lambda: run.stderr)
    with pytest.raises(AssertionError, match="did not come true"):
        until(lambda: run.events("worker-due"), 3.0)
    run.signal(signal.SIGHUP)
    until(lambda: run.events("worker-due"), 15.0, lambda: run.stderr)


def test_a_worker_that_consumes_nothing_is_replaced(start: Start) -> None:
    run = start(workers=2, stale_polls=0.1, behaviour={"1": "starve"})
    ended = until(lambda: run.events("process-ended"), 15.0, lambda: run.stderr)
    assert (ended[0]["name"], ended[0]["cause"]) == ("w01", "recycled")
    (due,) = run.events("worker-due")[:1]
    assert (due["name"], due["why"], due["level"]) == ("w01", "stale", "warning")


def test_a_worker_whose_request_never_ends_is_replaced(start: Start) -> None:
    recycle = {"overdue_seconds": 1.0}
    run = start(workers=3, recycle=recycle, behaviour={"0": "alone", "1": "overdue"})
    run.until_serving(3)
    run.behave(w0="alone")
    ended = until(lambda: run.events("process-ended"), 15.0, lambda: run.stderr)
    assert (ended[0]["name"], ended[0]["cause"]) == ("w01", "recycled")
    (due,) = run.events("worker-due")
    assert (due["name"], due["why"], due["level"]) == ("w01", "overdue", "warning")
    assert due["request_overdue_for_seconds"] >= 1.0


def test_a_paused_worker_consumes_nothing_and_is_left_alone(start: Start) -> None:
    run = start(workers=2, stale_polls=0.1, behaviour={"*": "starve"})
    run.until_serving(2)
    run.signal(signal.SIGTSTP)
    until(lambda: run.status()["state"] == "PAUSED")
    before = len(run.events("worker-due"))
    with pytest.raises(AssertionError, match="did not come true"):
        until(lambda: len(run.events("worker-due")) > before, 3.0)


def test_an_operator_s_restart_waits_for_an_extra_worker(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    before = run.pid("w00")
    (answer,) = run.ask(b'{"cmd": "restart", "worker": "w00"}')
    assert json.loads(answer)["ok"]
    assert fewest_ready(run, 2) >= 1
    until(lambda: run.pid("w00") != before and run.serving(2), 5.0)
    assert [(one["name"], one["cause"]) for one in run.events("process-ended")] == [
        ("w00", "expected"),
        ("w02", "expected"),
    ]


def test_a_reload_does_not_wait_for_all_that_are_due(start: Start) -> None:
    recycle = QUICK | {"growth_bytes": 10 << 20}
    run = start(workers=3, behaviour={"*": "leak"}, recycle=recycle, soak_seconds=0.1)
    until(lambda: run.events("recycling"), 15.0, lambda: run.stderr)
    run.behave()
    run.signal(signal.SIGHUP)
    run.signal(signal.SIGHUP)
    until(lambda: run.events("fleet-reloaded"), 20.0, lambda: run.stderr)
    run.until_serving(3)
    assert len(run.events("fleet-reloading")) == 1
