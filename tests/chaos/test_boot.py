"""Workers that are told to end, or block, before they are ready."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from support.chaos import proc
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.until import until

from sockq.supervisor.control_client import ask

Chaos = Callable[..., Rig]

BOOT_SECONDS = 1.0
BREAKER = 5


@scenario(6, "v1", "memory")
def test_workers_block_while_they_boot(chaos: Chaos) -> None:
    """Scenario 6: killed in time with their stack in the log; five open the breaker."""
    with chaos(workers=2, bent=True, boot_seconds=BOOT_SECONDS, recovery_seconds=20.0) as rig:
        fleet = rig.fleet
        fleet.bend(every="hang-boot")
        killed = [rig.kill(worker) for worker in fleet.serving()]
        rig.producer.put(20)
        until(lambda: fleet.status()["phase"] == "crash-loop", within=25.0, explain=fleet.log)
        hung = [end for end in fleet.events("process-ended") if end["cause"] == "hung"]
        assert BREAKER <= len(hung) <= BREAKER + 1  # the other one was booting when it opened
        for end in hung:
            # one second from the stack dump to the kill
            assert BOOT_SECONDS <= end["uptime_seconds"] - 1.0 <= BOOT_SECONDS + 1.0
        assert fleet.log().count("bent_fleet.py") >= BREAKER
        assert fleet.log().count("in _hang_boot") >= BREAKER
        fleet.bend()
        assert ask(fleet.run_dir, {"cmd": "retry"})["ok"]
        rig.recovered(min(killed))


@scenario(15, "v1", "v2")
def test_a_stop_while_all_workers_boot(chaos: Chaos) -> None:
    """Scenario 15: it waits for nobody, and what was accepted stays in the queue."""
    with chaos(workers=3, bent=True) as rig:
        rig.fleet.bend(every="hang-boot")
        before = {worker["pid"] for worker in rig.fleet.serving()}
        for worker in rig.fleet.serving():
            rig.kill(worker)
        booting = until(lambda: _booting(rig, before), within=5.0, explain=rig.fleet.log)
        jobs = rig.producer.put(20)
        asked = time.monotonic()
        rig.fleet.signal(signal.SIGTERM)
        assert rig.fleet.ended() == 0, rig.fleet.log()
        assert time.monotonic() - asked < 2.0
        assert not any(map(proc.state, booting))
        assert sorted(rig.ledger.still_queued()) == [(job, 1) for job in sorted(jobs)]


def _booting(rig: Rig, before: set[int]) -> list[int]:
    workers = rig.fleet.status()["workers"]
    new = [w["pid"] for w in workers if w["state"] == "booting" and w["pid"] not in before]
    return new if len(new) == rig.workers else []


@scenario(16, "v1", "memory")
def test_a_worker_is_told_to_end_as_soon_as_it_is_forked(chaos: Chaos) -> None:
    """Scenario 16: a signal meant for a child that still looks like the parent stops only it."""
    with chaos(workers=6) as rig:
        fleet = rig.fleet
        rig.producer.begin(rate=30)
        helpers = set(proc.children(fleet.pid)) - {w["pid"] for w in fleet.serving()}
        told: set[int] = set()
        end = time.monotonic() + lasting(6.0)
        while time.monotonic() < end:
            for pid in set(proc.children(fleet.pid)) - told - helpers:
                told.add(pid)
                os.kill(pid, signal.SIGTERM)
            time.sleep(0.0005)  # the width of the window
        rig.killed = len(told)
        rig.producer.end()
        rig.recovered(time.monotonic())
        assert len(told) > 4 * rig.workers
        assert not fleet.events("fleet-draining")
        assert helpers <= set(proc.children(fleet.pid))
        causes = {ended["cause"] for ended in fleet.events("process-ended")}
        assert causes == {"stopped"}
