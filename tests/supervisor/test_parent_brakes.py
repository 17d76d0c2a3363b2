"""A real parent with real children that refuse to start or crash again and again."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from support.fleet_fixtures import Start
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


@pytest.mark.parametrize("code", [75, 78])
def test_a_janitor_that_cannot_start_ends_the_fleet_with_its_code(start: Start, code: int) -> None:
    run = start(workers=2, janitor=code)
    assert run.wait() == code
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


def test_a_crash_loop_ends_when_the_one_that_crashes_is_scaled_away(start: Start) -> None:
    run = start(workers=2, behaviour={"1": "3"}, first_seconds=0.05, proof_seconds=0.5)
    until(lambda: run.events("crash-loop"), 10.0, lambda: run.stderr)
    assert json.loads(run.ask(b'{"cmd": "scale", "workers": 1}')[0])["ok"]
    until(lambda: run.events("crash-loop-over"), 5.0, lambda: run.stderr)
    until(lambda: run.status()["state"] == "RUNNING")
    assert run.workers()["w00"]["restarts"] == 0
