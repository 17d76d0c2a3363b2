"""Clocks that jump, and time that passes while nobody runs.

The fleet's wall clock is libfaketime's, so every part of it sees the jump, its libraries too.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.chaos.invariants import Limits
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.chaos.wall_clock import WallClock, library
from support.fleet import Fleet
from support.until import until

from sockq.supervisor.control_client import ask

Chaos = Callable[..., Rig]

pytestmark = pytest.mark.skipif(library() is None, reason="a wall clock takes libfaketime")

HOUR = 3600.0
HANG_SECONDS = 2.0
LEASE_SECONDS = 3.0
#: A retry comes within this, also when failures have opened the endpoint's breaker once.
RETRY_SECONDS = 25.0


@scenario(26, "v1", "v2", "bullmq", "memory", "sqs")
def test_the_wall_clock_jumps(chaos: Chaos, tmp_path: Path) -> None:
    """Scenario 26: an hour ahead, and back: nobody is killed, no timer is early or late."""
    clock = WallClock(tmp_path)
    with chaos(workers=3, env=clock.environment) as rig:
        before = rig.fleet.worker_pids()
        for seconds in (HOUR, -HOUR, 0.0):
            rig.receiver.answer(every={"status": 503})
            told = rig.receiver.count
            jobs = rig.producer.put(2)
            until(lambda: rig.receiver.count >= told + len(jobs), within=10.0)  # noqa: B023
            clock.shift(seconds)
            ask(rig.fleet.run_dir, {"cmd": "retry"})  # the parent logs it, by its clock
            rig.receiver.answer()
            until(
                lambda: rig.receiver.delivered() >= set(jobs),  # noqa: B023
                within=RETRY_SECONDS,
                explain=rig.fleet.log,
            )
            time.sleep(lasting(HANG_SECONDS))  # whoever an hour makes silent is silent by then
        assert _hour_of(rig) == {0, 1, -1}
        assert rig.fleet.worker_pids() == before
        assert not rig.fleet.events("process-ended")
        assert not rig.fleet.events("process-silent")


def _hour_of(rig: Rig) -> set[int]:
    """By how many hours the log's own times differ from the machine's: the jump was real."""
    now = time.time()
    lines = [line for line in rig.fleet.log().splitlines() if line.startswith("{")]
    stamps = [time.strptime(json.loads(line)["time"][:19], "%Y-%m-%dT%H:%M:%S") for line in lines]
    return {round((_unix(stamp) - now) / HOUR) for stamp in stamps}


def _unix(stamp: time.struct_time) -> float:
    return time.mktime(stamp) - time.timezone


@scenario(26, "v1", "v2", "bullmq")
def test_the_machine_sleeps(chaos: Chaos, tmp_path: Path) -> None:
    """Scenario 26, suspend: frozen beyond its leases with an hour gone on its clock.

    Another host has the jobs meanwhile; what wakes up settles nothing that is not its own.
    """
    clock = WallClock(tmp_path)
    with chaos(
        workers=2,
        env=clock.environment,
        hang_seconds=HANG_SECONDS,
        lease_seconds=LEASE_SECONDS,
        limits=Limits(lag_seconds=None),
    ) as rig:
        rig.receiver.answer(every={"silent": True})
        jobs = rig.producer.put(6)
        until(lambda: rig.receiver.count == len(jobs), within=10.0)
        before = rig.fleet.worker_pids()
        os.killpg(rig.fleet.pid, signal.SIGSTOP)
        rig.interrupted("sleeper", len(jobs))
        rig.receiver.answer()
        config = json.loads(rig.fleet.config_path.read_text())
        with Fleet(config, workers=1, env=rig.backend.env) as other:
            until(lambda: rig.receiver.delivered() == set(jobs), within=20.0, explain=other.log)
            clock.shift(HOUR)
            os.killpg(rig.fleet.pid, signal.SIGCONT)
            time.sleep(lasting(2 * HANG_SECONDS))  # as above
            assert rig.fleet.worker_pids() == before
        assert not rig.fleet.events("process-ended")
        rig.producer.put(20)
