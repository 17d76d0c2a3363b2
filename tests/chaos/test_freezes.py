"""Processes stopped by a signal, as a debugger or a paused container stops them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from support.chaos import proc
from support.chaos.invariants import Limits
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario, starting_with
from support.until import until

Chaos = Callable[..., Rig]

HANG_SECONDS = 1.0
STOPPED_SECONDS = 3.0
#: Longer than a silent process may be, shorter than a lease.
FREEZE_SECONDS = 4.0
LONGEST_FREEZE_SECONDS = 20.0


def _state_of(rig: Rig, pid: int) -> str:
    states = [w["state"] for w in rig.fleet.status()["workers"] if w["pid"] == pid]
    return str(states[0]) if states else ""


def _problems(status: dict[str, Any]) -> dict[str, str]:
    return {one["kind"]: one["text"] for one in status["problems"]}


def _restarts(rig: Rig) -> int:
    return sum(worker["restarts"] for worker in rig.fleet.status()["workers"])


@scenario(4, *starting_with("memory"))
def test_a_busy_worker_is_stopped(chaos: Chaos) -> None:
    """Scenario 4: shown as stopped, killed after its grace, its jobs given back only then."""
    with chaos(hang_seconds=HANG_SECONDS, stopped_seconds=STOPPED_SECONDS) as rig:
        rig.receiver.answer(every={"delay_seconds": 0.5})
        rig.producer.begin(rate=60, most=300)
        worker = rig.worker(busy=True)
        pid = worker["pid"]
        stopped = rig.kill(worker, signal.SIGSTOP)
        until(lambda: _state_of(rig, pid) == "stopped", within=2.0, explain=rig.fleet.log)
        until(lambda: not proc.is_running(pid), within=STOPPED_SECONDS + 5.0)
        gone = time.monotonic()
        assert gone - stopped > STOPPED_SECONDS
        rig.recovered(gone, [pid])
        rig.settle()
        seen: set[str] = set()
        for one in rig.receiver.read():
            assert one.job not in seen or one.at > gone - 0.2, "given back before its owner ended"
            seen.add(one.job)


@scenario(5, *starting_with("sqs"))
def test_a_stopped_worker_goes_on(chaos: Chaos) -> None:
    """Scenario 5: continued within its grace nothing is killed, and nothing comes twice."""
    with chaos(hang_seconds=HANG_SECONDS, stopped_seconds=30.0) as rig:
        rig.receiver.answer(every={"delay_seconds": 0.5})
        rig.producer.begin(rate=40, most=200)
        pid = rig.worker(busy=True)["pid"]
        proc.send(pid, signal.SIGSTOP)
        until(lambda: _state_of(rig, pid) == "stopped", within=2.0, explain=rig.fleet.log)
        time.sleep(2 * HANG_SECONDS)  # longer than a process that runs may be silent
        proc.send(pid, signal.SIGCONT)
        until(lambda: _state_of(rig, pid) == "ready", within=3.0, explain=rig.fleet.log)
        rig.settle()
        assert _restarts(rig) == 0


@scenario(12, "v1", "memory")
def test_the_parent_is_stopped(chaos: Chaos) -> None:
    """Scenario 12: workers deliver, the status tells of it, and nobody is blamed afterwards."""
    with chaos(workers=3, hang_seconds=HANG_SECONDS, limits=Limits(lag_seconds=None)) as rig:
        rig.producer.begin(rate=50)
        proc.send(rig.fleet.pid, signal.SIGSTOP)
        frozen = min(lasting(FREEZE_SECONDS), LONGEST_FREEZE_SECONDS)
        end = time.monotonic() + frozen
        while time.monotonic() < end:
            delivered = len(rig.receiver.delivered())
            until(lambda: len(rig.receiver.delivered()) > delivered, within=5.0)  # noqa: B023
        until(lambda: "parent-silent" in _problems(rig.fleet.status()), within=10.0)
        told = subprocess.run(
            rig.fleet.command("status", "--json"), capture_output=True, timeout=20, check=False
        )
        problems = _problems(json.loads(told.stdout))
        proc.send(rig.fleet.pid, signal.SIGCONT)
        assert problems["parent-silent"].startswith("the parent has not turned for ")
        until(lambda: rig.fleet.seen_now().worst("parent") > frozen, within=5.0)
        time.sleep(2 * HANG_SECONDS)  # whoever is to be blamed is blamed by then
        rig.producer.end()
        assert _restarts(rig) == 0
        assert len(rig.fleet.serving()) == rig.workers


@scenario(13, *starting_with("cluster"))
def test_the_whole_fleet_is_frozen(chaos: Chaos) -> None:
    """Scenario 13, as docker pause: nobody is killed after the thaw, and nothing comes twice."""
    with chaos(workers=3, hang_seconds=HANG_SECONDS, limits=Limits(lag_seconds=None)) as rig:
        rig.receiver.answer(every={"delay_seconds": 0.5})
        rig.producer.begin(rate=40, most=200)
        rig.worker(busy=True)
        os.killpg(rig.fleet.pid, signal.SIGSTOP)
        time.sleep(min(lasting(FREEZE_SECONDS), LONGEST_FREEZE_SECONDS))
        os.killpg(rig.fleet.pid, signal.SIGCONT)
        time.sleep(2 * HANG_SECONDS)  # as above
        rig.settle()
        assert _restarts(rig) == 0
        assert not rig.fleet.events("process-ended")
