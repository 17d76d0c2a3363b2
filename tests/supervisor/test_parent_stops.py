"""A real parent with real children: how it stops, and what the next one finds."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from support.chaos import proc
from support.fleet_fixtures import Start
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_idle_is_clean_and_quick(start: Start, number: int) -> None:
    run = start(workers=2)
    run.until_serving(2)
    children = run.children()
    run.signal(number)
    assert run.wait(3.0) == 0
    assert not any(proc.is_running(pid) for pid in children)
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
    until(lambda: not any(proc.is_running(pid) for pid in children), 1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's death signal")
def test_a_killed_parent_takes_even_a_stopped_child_along_when_told_to(start: Start) -> None:
    run = start(workers=2, kill_with_parent=True, behaviour={"1": "stubborn"})
    run.until_serving(2)
    children = run.children()
    os.kill(run.pid("w00"), signal.SIGSTOP)
    run.signal(signal.SIGKILL)
    run.process.wait()
    until(lambda: not any(proc.is_running(pid) for pid in children), 1.0)


def test_the_next_parent_gives_back_what_a_killed_one_left(start: Start) -> None:
    run = start(workers=2, behaviour={"1": "stubborn"})
    run.until_serving(2)
    stubborn = run.pid("w01")
    run.signal(signal.SIGKILL)
    run.process.wait()
    assert proc.is_running(stubborn), "the test needs a worker that is still there"
    first = run.process.pid
    run = start(workers=1)
    run.until_serving(1)
    assert not proc.is_running(stubborn)
    until(lambda: len(run.reclaimed()) == 2)
    assert {one.split(":", 2)[2].split(":")[0] for one in run.reclaimed()} == {str(first)}


def test_a_second_fleet_in_the_same_directory_is_refused(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    second = start(workers=1)
    assert second.wait() == 73
    assert second.stderr.count("\n") == 1
    assert str(run.process.pid) in second.stderr
    run.signal(signal.SIGTERM)
    assert run.wait() == 0
