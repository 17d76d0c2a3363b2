"""The parent killed: its processes follow, its successor takes over, and nothing is lost."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from typing import Any

from support.chaos import proc
from support.chaos.invariants import Limits
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.until import until

Chaos = Callable[..., Rig]

DURABLE = ("v1", "v2", "bullmq", "cluster", "sqs", "fifo")
HANG_SECONDS = 10.0
#: For a process that does not listen, from its parent's death: ``workers.deadman``.
GRACE_SECONDS = 5.0
SILENT_SECONDS = 1.0
#: A successor that has to wait for nobody.
START_SECONDS = 5.0


def _is_silent(worker: dict[str, Any]) -> bool:
    return float(worker["beat_seconds"]) > SILENT_SECONDS


def _start_again(rig: Rig) -> float:
    """Seconds until all workers are ready, less what the machine is late by."""
    began = time.monotonic()
    rig.fleet.start()
    took = time.monotonic() - began
    starved = proc.starved_seconds(rig.fleet.pid)
    rig.fleet.watch()
    return took - starved


@scenario(10, *DURABLE[1:], "v1")
def test_the_parent_of_idle_workers_is_killed(chaos: Chaos) -> None:
    """Scenario 10, idle: all gone within a second."""
    with chaos(workers=3) as rig:
        assert rig.kill_parent() < 1.0
        rig.producer.put(50)
        assert _start_again(rig) < START_SECONDS


@scenario(10, *DURABLE)
def test_the_parent_of_busy_workers_is_killed(chaos: Chaos) -> None:
    """Scenario 10, waiting for answers: gone within a second; the successor waits for no lease."""
    with chaos(workers=3) as rig:
        rig.receiver.answer(every={"silent": True})
        jobs = rig.producer.put(30)
        until(lambda: rig.receiver.count == len(jobs), within=10.0)
        killed = time.monotonic()
        assert rig.kill_parent() < 1.0
        rig.receiver.answer()
        assert _start_again(rig) < START_SECONDS
        until(lambda: len(rig.receiver.delivered()) == len(jobs), within=5.0)
        assert time.monotonic() - killed < 10.0


@scenario(10, *DURABLE[2:], *DURABLE[:2])
def test_the_parent_of_a_stuck_worker_is_killed(chaos: Chaos) -> None:
    """Scenario 10, C code that holds the interpreter: the kernel ends it, without any parent."""
    limit = GRACE_SECONDS + 1.0
    with chaos(bent=True, hang_seconds=HANG_SECONDS, outlive_seconds=limit) as rig:
        rig.receiver.answer(every={"silent": True})
        jobs = rig.producer.put(10)
        until(lambda: rig.receiver.count == len(jobs), within=10.0)
        for worker in rig.fleet.serving():
            proc.send(worker["pid"], signal.SIGUSR1)
        until(lambda: all(map(_is_silent, rig.fleet.serving())), within=5.0)
        assert rig.kill_parent() > 1.0
        rig.receiver.answer()
        assert _start_again(rig) < START_SECONDS


@scenario(10, "v1", "sqs")
def test_the_parent_of_a_stopped_worker_is_killed(chaos: Chaos) -> None:
    """Scenario 10, stopped: nothing reaches it but SIGKILL, which the successor sends."""
    with chaos() as rig:
        rig.receiver.answer(every={"silent": True})
        jobs = rig.producer.put(10)
        until(lambda: rig.receiver.count == len(jobs), within=10.0)
        stopped = rig.worker(busy=True)["pid"]
        proc.send(stopped, signal.SIGSTOP)
        rig.kill_parent(but=[stopped])
        rig.receiver.answer()
        assert _start_again(rig) < START_SECONDS
        assert not proc.is_running(stopped)


@scenario(11, "v1", "bullmq")
def test_the_parent_is_killed_while_it_forks(chaos: Chaos) -> None:
    """Scenario 11: at any moment of its start; no process is left over."""
    chance = random.Random(11)
    with chaos(workers=4, limits=Limits(lag_seconds=None)) as rig:
        rig.producer.put(50)
        rig.kill_parent()
        for _ in range(int(lasting(12))):
            rig.fleet.launch()
            until(lambda: proc.children(rig.fleet.pid), within=20.0)
            time.sleep(chance.uniform(0.0, 0.06))  # where in the window it dies
            rig.kill_parent()
        rig.producer.put(50)
        _start_again(rig)
