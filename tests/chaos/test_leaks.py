"""Workers that all grow alike: replaced in turn, and never two at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from support.chaos.invariants import Limits
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.chaos.watched import Least
from support.until import until

Chaos = Callable[..., Rig]

WORKERS = 3


@scenario(28, "v1", "memory", "v2", "bullmq")
def test_all_workers_leak_at_the_same_rate(chaos: Chaos) -> None:
    """Scenario 28: each gives way at its limit behind a fresh one; all others serve meanwhile."""
    extra = Limits(fds=1)  # its slot has a place for last words from its first start on
    with chaos(
        workers=WORKERS, bent=True, recycle_growth_mb=8, settle_seconds=60.0, limits=extra
    ) as rig:
        fleet = rig.fleet
        fleet.bend(every="leak")
        first = fleet.serving()
        killed = [rig.kill(worker) for worker in first]
        rig.recovered(min(killed), [worker["pid"] for worker in first])
        rig.producer.begin(rate=40)
        before = {worker["pid"] for worker in fleet.serving()}
        least = Least(fleet)
        end = time.monotonic() + lasting(10.0)
        while time.monotonic() < end or before & set(fleet.worker_pids()):
            least.look()
            assert time.monotonic() < end + 40.0, fleet.log()
            time.sleep(0.01)  # a look
        rig.producer.end()
        assert least.serving >= WORKERS - 1, least.picture
        assert least.most_leaving <= 1
        recycled = [e for e in fleet.events("process-ended") if e["cause"] == "recycled"]
        assert len(recycled) >= WORKERS
        fleet.bend()
        until(lambda: len(fleet.serving()) == WORKERS, within=10.0, explain=fleet.log)
