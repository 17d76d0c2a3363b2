"""Reloads that cannot work, and reloads without end: the old workers stay, and nothing leaks."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from support.chaos.invariants import Limits
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.chaos.watched import Least
from support.until import until

Chaos = Callable[..., Rig]

HUPS = 50


#: The extra worker's slot has a place for last words from its first start on.
EXTRA = Limits(fds=1)
#: Of two: one that drains, and one that boots already for the next reload.
OVERLAPPING = Limits(fds=2)


@scenario(27, "v1", "memory")
def test_a_reload_with_a_broken_configuration(chaos: Chaos) -> None:
    """Scenario 27: refused with its fault named; the old generation goes on."""
    with chaos(workers=3, limits=EXTRA) as rig:
        fleet = rig.fleet
        rig.producer.begin(rate=50)
        before = fleet.worker_pids()
        good = fleet.config_path.read_text()
        for broken, named in (('{"queue":', ""), ('{"sockq": {"in_flight": "many"}}', "in_flight")):
            told = len(fleet.events("reload-failed"))
            fleet.config_path.write_text(broken)
            fleet.signal(signal.SIGHUP)
            until(lambda: len(fleet.events("reload-failed")) > told, within=5.0)  # noqa: B023
            assert named in str(fleet.events("reload-failed")[-1]["faults"])
        fleet.config_path.write_text(good)
        rig.producer.put(20)
        assert fleet.worker_pids() == before
        assert not fleet.events("process-ended")
        rig.producer.end()


@scenario(27, "memory", "v1", "bullmq")
def test_a_reload_whose_new_workers_crash(chaos: Chaos) -> None:
    """Scenario 27: given up at the first new one; no old one was drained for it."""
    with chaos(workers=3, bent=True, soak_seconds=1, limits=EXTRA) as rig:
        fleet = rig.fleet
        rig.producer.begin(rate=50)
        before = fleet.worker_pids()
        fleet.bend(every="crash")
        fleet.signal(signal.SIGHUP)
        until(lambda: fleet.events("reload-failed"), within=15.0, explain=fleet.log)
        assert set(before) <= set(fleet.worker_pids())
        assert fleet.status()["phase"] == "running"
        fleet.bend()
        fleet.signal(signal.SIGHUP)
        until(lambda: fleet.events("fleet-reloaded"), within=30.0, explain=fleet.log)
        # The extra one, too, is gone: its descriptors would count.
        until(lambda: len(fleet.worker_pids()) == len(fleet.serving()) == rig.workers, within=10.0)
        assert not set(before) & set(fleet.worker_pids())
        rig.producer.end()


@scenario(27, "bullmq", "v1", "memory")
def test_fifty_reloads(chaos: Chaos) -> None:
    """Scenario 27: asked for again and again; never short of a worker, nothing is interrupted."""
    with chaos(workers=2, soak_seconds=0, limits=OVERLAPPING) as rig:
        fleet = rig.fleet
        rig.receiver.answer(every={"delay_seconds": 0.05})
        rig.producer.begin(rate=40)
        least = Least(fleet)
        end = time.monotonic() + lasting(10.0)
        asked = 0
        while asked < HUPS or time.monotonic() < end:
            fleet.signal(signal.SIGHUP)
            asked += 1
            step = time.monotonic() + 0.2
            while time.monotonic() < step:
                least.look()
                time.sleep(0.01)  # a look
        until(lambda: fleet.status()["reload"]["active"] is False, within=20.0)
        rig.producer.end()
        assert least.serving >= rig.workers, least.picture
        assert len(fleet.events("fleet-reloaded")) >= 3
        assert {end["cause"] for end in fleet.events("process-ended")} == {"expected"}
        # The extra one, too, is gone: its descriptors would count.
        until(lambda: len(fleet.worker_pids()) == len(fleet.serving()) == rig.workers, within=10.0)
