"""``sockq ctl reload --wait`` tells the truth about how the reload ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.fleet_fixtures import Start
from support.fleet_run import FleetRun
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")

WITHIN_SECONDS = 30.0


def reloads(run: FleetRun, verb: str = "reload") -> subprocess.Popen[str]:
    """Begin it, and wait until the fleet has begun, too."""
    command = [sys.executable, "-m", "sockq.supervisor", "ctl", verb, "--wait"]
    asked = subprocess.Popen(
        [*command, "--dir", str(run.directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: run.events("fleet-reloading"), 15.0, lambda: run.stderr)
    return asked


def test_a_reload_that_is_given_up_is_1_and_says_what_the_log_says(start: Start) -> None:
    run = start(workers=2, soak_seconds=0.2)
    run.until_serving(2)
    run.behave(**{"*": "78"})
    asked = reloads(run)
    _out, err = asked.communicate(timeout=WITHIN_SECONDS)
    (failed,) = run.events("reload-failed")
    why = "a new worker ended (w02); all workers stay as they were"
    assert (asked.returncode, failed["why"]) == (1, why)
    assert err.splitlines()[-1] == f"sockq: given up: {why}"


@pytest.mark.parametrize(
    ("verb", "number"), [("reload", signal.SIGTERM), ("restart", signal.SIGKILL)]
)
def test_one_that_the_end_of_the_fleet_cut_short_is_1(start: Start, verb: str, number: int) -> None:
    run = start(workers=2, soak_seconds=60.0)
    run.until_serving(2)
    asked = reloads(run, verb)
    run.signal(number)
    _out, err = asked.communicate(timeout=WITHIN_SECONDS)
    assert asked.returncode == 1
    assert err.splitlines()[-1] == "sockq: the fleet stopped before all workers were replaced"


def test_one_that_ends_well_is_0(start: Start) -> None:
    run = start(workers=1, soak_seconds=0.2)
    run.until_serving(1)
    asked = reloads(run)
    asked.communicate(timeout=WITHIN_SECONDS)
    assert asked.returncode == 0
    assert run.events("fleet-reloaded")
