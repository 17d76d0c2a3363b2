"""A real parent with real children: reloads, and what becomes of those that are given up."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from support.fleet_fixtures import Start
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


def test_an_old_worker_that_crashes_does_not_end_a_reload(start: Start) -> None:
    run = start(workers=3, soak_seconds=1.0)
    run.until_serving(3)
    before = {one["pid"] for one in run.workers().values()}
    crashing = run.pid("w02")
    run.signal(signal.SIGHUP)
    until(lambda: run.events("fleet-reloading"), 5.0, lambda: run.stderr)
    os.kill(crashing, signal.SIGSEGV)
    until(lambda: run.events("fleet-reloaded"), 20.0, lambda: run.stderr)
    assert run.events("reload-failed") == []
    run.until_serving(3)
    now = run.workers()
    assert not before & {one["pid"] for one in now.values()}
    # its successor had the new settings already
    assert now["w02"]["restarts"] == 1


def test_a_reload_that_is_given_up_names_who_runs_what(start: Start) -> None:
    run = start(workers=3, soak_seconds=0.5)
    run.until_serving(3)
    old = run.pid("w00")
    run.signal(signal.SIGHUP)
    until(lambda: run.pid("w00") != old and run.serving(4), 10.0, lambda: run.stderr)
    run.behave(**{"1": "78"})
    (failed,) = until(lambda: run.events("reload-failed"), 15.0, lambda: run.stderr)
    assert failed["replaced"] == ["w00"]
    assert failed["why"] == (
        "a new worker ended (w01); w00 keeps what the reload brought; the others stay as they were"
    )


def test_a_new_worker_that_never_stays_up_ends_a_reload(start: Start) -> None:
    limits = {"boot_seconds": 1.0, "drain_seconds": 1.0, "cap_seconds": 0.5}
    run = start(workers=1, soak_seconds=1.0, **limits)
    run.until_serving(1)
    kept = run.pid("w00")
    run.signal(signal.SIGHUP)

    def kill_the_extra_one() -> bool:
        extra = run.workers().get("w01")
        if extra is not None and extra["state"] == "ready":
            with contextlib.suppress(ProcessLookupError):  # the picture is a moment old
                os.kill(extra["pid"], signal.SIGKILL)
        return bool(run.events("reload-failed"))

    until(kill_the_extra_one, 20.0, lambda: run.stderr)
    (failed,) = run.events("reload-failed")
    assert failed["why"] == ("a new worker was not up in time (w01); all workers stay as they were")
    run.until_serving(1)
    assert run.pid("w00") == kept
    run.signal(signal.SIGHUP)  # the token is free again
    until(lambda: run.events("fleet-reloaded"), 20.0, lambda: run.stderr)


def test_an_old_worker_that_nobody_can_end_does_not_hold_a_reload(start: Start) -> None:
    run = start(workers=2, soak_seconds=0.2, drain_seconds=0.5, behaviour={"0": "stubborn"})
    run.until_serving(2)
    immune = run.directory / "immune"
    immune.touch()
    run.behave()
    run.signal(signal.SIGHUP)
    (done,) = until(lambda: run.events("fleet-reloaded"), 20.0, lambda: run.stderr)
    assert done["stuck"] == ["w00"]
    (called,) = until(lambda: run.events("stand-in"), 5.0, lambda: run.stderr)
    before = run.pid(called["name"])
    run.signal(signal.SIGHUP)  # the next one replaces the stand-in, too
    until(lambda: len(run.events("fleet-reloaded")) == 2, 20.0, lambda: run.stderr)
    assert run.pid(called["name"]) != before
    immune.unlink()
    run.until_serving(2, 20.0)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 3)])
def test_another_number_of_workers_comes_with_the_end_of_the_reload(
    start: Start, before: int, after: int
) -> None:
    run = start(workers=before, soak_seconds=0.5, later={"workers": after})
    run.until_serving(before)
    run.signal(signal.SIGHUP)
    (scaled,) = until(lambda: run.events("fleet-scaled"), 15.0, lambda: run.stderr)
    assert run.stderr.index('"fleet-reloaded"') < run.stderr.index('"fleet-scaled"')
    run.until_serving(after)
    assert (scaled["before"], scaled["workers"]) == (before, after)
    extra = f"w{before:02d}"
    # one that is needed anyway is not sent away first
    ended = {one["name"] for one in run.events("process-ended")}
    assert (extra in ended) is (after < before)


@pytest.mark.parametrize("after", [1, 3])
def test_a_reload_that_is_given_up_leaves_the_number_of_workers(start: Start, after: int) -> None:
    run = start(workers=2, soak_seconds=0.2, later={"workers": after})
    run.until_serving(2)
    run.behave(**{"*": "78"})
    run.signal(signal.SIGHUP)
    until(lambda: run.events("reload-failed"), 15.0, lambda: run.stderr)
    run.until_serving(2)
    assert run.status()["workers_wanted"] == 2
    assert run.events("fleet-scaled") == []
    run.behave()
    run.signal(signal.SIGHUP)  # and the next one still sees the difference
    until(lambda: run.events("fleet-scaled"), 15.0, lambda: run.stderr)
    run.until_serving(after)


def test_who_scales_during_a_reload_is_later_than_the_file(start: Start) -> None:
    run = start(workers=1, soak_seconds=0.3, later={"workers": 4})
    run.until_serving(1)
    run.signal(signal.SIGHUP)
    run.ask(b'{"cmd": "scale", "workers": 2}')
    until(lambda: run.events("fleet-reloaded"), 15.0, lambda: run.stderr)
    run.until_serving(2)
    assert run.status()["workers_wanted"] == 2


def test_a_restart_watches_new_workers_as_long_as_the_last_reload_said(start: Start) -> None:
    soak_seconds = 1.0
    run = start(workers=1, soak_seconds=0.0, later={"soak_seconds": soak_seconds})
    run.until_serving(1)
    run.signal(signal.SIGHUP)
    until(lambda: run.events("fleet-reloaded"), 15.0, lambda: run.stderr)
    began = time.monotonic()
    run.ask(b'{"cmd": "restart"}')
    until(lambda: len(run.events("fleet-reloaded")) == 2, 15.0, lambda: run.stderr)
    # the extra one, and the one that stays
    assert time.monotonic() - began >= 2 * soak_seconds
