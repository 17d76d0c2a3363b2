"""The parent as process 1: it inherits every orphan, and must neither keep nor believe them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest
from support.chaos import proc
from support.chaos.pid_one import PidOneFleet, why_not
from support.chaos.rig import Rig
from support.chaos.scenario import scenario
from support.until import until

Chaos = Callable[..., Rig]

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "there can be one")

ORPHANS = 8


@scenario(29, "v1", "memory", "bullmq")
def test_the_parent_is_process_one(chaos: Chaos) -> None:
    """Scenario 29: orphans are reaped, what they ended with means nothing, and a stop is clean."""
    with chaos(workers=3, fleet_class=PidOneFleet) as rig:
        fleet = rig.fleet
        assert isinstance(fleet, PidOneFleet)
        rig.receiver.answer(every={"delay_seconds": 0.2})
        rig.producer.begin(rate=40)
        workers = fleet.named("sockq:w")
        assert len(workers) == 3
        for number in range(ORPHANS):
            fleet.orphan(0.2, (3, 78)[number % 2])
        until(lambda: not fleet.strangers(), within=3.0, explain=lambda: str(fleet.strangers()))
        assert not fleet.zombies()
        assert fleet.named("sockq:w") == workers
        assert not fleet.events("process-ended")
        # one of its own, for comparison: it is missed at once
        proc.send(workers[0], signal.SIGKILL)
        rig.interrupted("w00")
        fleet.until_workers(3, workers[:1])
        assert set(workers[1:]) < set(fleet.named("sockq:w"))
        fleet.orphan(600.0, 0)
        until(fleet.strangers, within=5.0)
        rig.producer.end()
        rig.settle()
        began = time.monotonic()
        proc.send(fleet.pid, signal.SIGTERM)
        assert fleet.ended() == 0, fleet.log()
        assert time.monotonic() - began < 5.0
