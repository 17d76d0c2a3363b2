"""Workers killed: one, all at once, and again and again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from support.chaos import proc
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario, starting_with
from support.chaos.stopwatch import Stopwatch
from support.until import until

Chaos = Callable[..., Rig]

#: The parent needs a millisecond; what sees it needs more.
REAPED_SECONDS = 0.1
SLOW = {"delay_seconds": 0.3}
SEEN = 10


@scenario(1, *starting_with("v1"))
def test_one_busy_worker_is_killed(chaos: Chaos) -> None:
    """Scenario 1: it is reaped and replaced, its jobs are sent again, the others go on."""
    with chaos(workers=3) as rig:
        rig.receiver.answer(every=SLOW)
        rig.producer.begin(rate=100, most=300)
        # the busiest has several on the wire then, not one that it was just about to send
        until(lambda: rig.receiver.count >= SEEN, within=10.0, explain=rig.fleet.log)
        victim = rig.worker(busy=True)
        others = {w["pid"] for w in rig.fleet.serving()} - {victim["pid"]}
        reaping = Stopwatch(rig.fleet.pid)
        killed = rig.kill(victim)
        until(lambda: not proc.state(victim["pid"]), within=5.0)
        assert reaping.own_seconds < REAPED_SECONDS
        rig.recovered(killed, [victim["pid"]])
        again = until(lambda: _sent_again(rig), within=3.0, explain=rig.fleet.log)
        assert min(again) - killed < 3.0
        assert others <= {w["pid"] for w in rig.fleet.serving()}


def _sent_again(rig: Rig) -> list[float]:
    first: set[str] = set()
    again = []
    for one in rig.receiver.read():
        if one.job in first:
            again.append(one.at)
        first.add(one.job)
    return again


@scenario(2, *starting_with("v2"))
def test_all_workers_are_killed_at_once(chaos: Chaos) -> None:
    """Scenario 2: one burst of deaths is no crash loop."""
    with chaos(workers=4) as rig:
        rig.receiver.answer(every=SLOW)
        rig.producer.begin(rate=100, most=300)
        rig.worker(busy=True)
        victims = rig.fleet.serving()
        killed = [rig.kill(victim) for victim in victims]
        gone = [victim["pid"] for victim in victims]
        rig.recovered(min(killed), gone)
        restarts = [worker["restarts"] for worker in rig.fleet.serving()]
        assert restarts == [1, 1, 1, 1]
        assert rig.fleet.status()["phase"] == "running"


@scenario(3, *starting_with("bullmq"))
def test_workers_are_killed_again_and_again(chaos: Chaos) -> None:
    """Scenario 3: a kill every 0.3 s; deliveries go on, and restarts keep their distance."""
    chance = random.Random(3)
    with chaos(workers=3, recovery_seconds=4.0) as rig:
        rig.producer.begin(rate=60)
        end = time.monotonic() + lasting(8.0)
        killed = 0.0
        while time.monotonic() < end:
            victim = until(partial(_any_of, rig, chance), within=10.0) or {}
            delivered = len(rig.receiver.delivered())
            killed = rig.kill(victim)
            until(lambda: len(rig.receiver.delivered()) > delivered, within=10.0)  # noqa: B023
            time.sleep(max(0.0, killed + 0.3 - time.monotonic()))  # the scenario's pace
        rig.producer.end()
        rig.recovered(killed)
        restarts = sum(worker["restarts"] for worker in rig.fleet.serving())
        assert restarts <= rig.killed


def _any_of(rig: Rig, chance: random.Random) -> dict[str, Any] | None:
    serving = rig.fleet.serving()
    return chance.choice(serving) if serving else None
