"""Stops: asked for once, ten thousand times, impatiently, by Ctrl-C, with a job too long."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from support.chaos.rig import Rig
from support.chaos.scenario import scenario
from support.until import until

Chaos = Callable[..., Rig]

DRAIN_SECONDS = 2.0
DURABLE = ("v1", "v2", "bullmq", "cluster", "sqs", "fifo")


#: A status may begin to be taken before what it then sees.
LOOKING_SECONDS = 0.1


@scenario(14, "v1", "memory")
def test_ten_thousand_requests_to_stop(chaos: Chaos) -> None:
    """Scenario 14: they are one drain, and it is not cut short."""
    with chaos() as rig:
        rig.receiver.answer(every={"delay_seconds": 2.0})
        jobs = rig.producer.put(10)
        until(lambda: rig.receiver.count == len(jobs), within=10.0)
        began, sent = time.monotonic(), 0
        # all of them within what counts as one request, also when the parent sees them late
        while sent < 10_000 and time.monotonic() - began < 0.7:
            rig.fleet.signal(signal.SIGTERM)
            sent += 1
        assert sent > 1_000
        assert rig.fleet.ended() == 0, rig.fleet.log()
        assert len(rig.fleet.events("fleet-draining")) == 1
        assert {end["cause"] for end in rig.fleet.events("process-ended")} == {"expected"}


@scenario(17, *DURABLE)
def test_a_job_outlasts_the_drain(chaos: Chaos) -> None:
    """Scenario 17: the stop takes as long as it may, and gives the job back uncharged."""
    with chaos(drain_seconds=DRAIN_SECONDS, workers=1) as rig:
        rig.receiver.answer(every={"silent": True})
        jobs = rig.producer.put(1)
        until(lambda: rig.receiver.count == 1, within=10.0)
        asked = time.monotonic()
        rig.fleet.signal(signal.SIGTERM)
        assert rig.fleet.ended() == 1, rig.fleet.log()
        assert time.monotonic() - asked == pytest.approx(DRAIN_SECONDS, abs=0.5)
        assert sorted(rig.ledger.still_queued()) == [(job, 1) for job in sorted(jobs)]


@scenario(18, *DURABLE[1:], "v1")
def test_each_further_request_only_shortens_the_stop(chaos: Chaos) -> None:
    """Scenario 18: the second leaves five seconds, the third none; everything is given back."""
    with chaos() as rig:
        rig.receiver.answer(every={"silent": True})
        jobs = rig.producer.put(8)
        until(lambda: rig.receiver.count == len(jobs), within=10.0)
        rig.fleet.signal(signal.SIGTERM)
        first = until(lambda: _left(rig), within=2.0)
        assert first > 20.0
        time.sleep(1.2)  # sooner it would count as the same request
        rig.fleet.signal(signal.SIGTERM)
        second = until(lambda: (left := _left(rig)) < first - 10.0 and left, within=2.0)
        assert second <= 5.0 + LOOKING_SECONDS
        time.sleep(1.2)
        third = time.monotonic()
        rig.fleet.signal(signal.SIGTERM)
        assert rig.fleet.ended() == 1, rig.fleet.log()
        assert time.monotonic() - third < 3.0
        asked = rig.fleet.events("fleet-draining")
        assert [event["request"] for event in asked] == [1, 2, 3]
        assert sorted(rig.ledger.still_queued()) == [(job, 1) for job in sorted(jobs)]


def _left(rig: Rig) -> float:
    left = rig.fleet.status().get("drain_left_seconds")
    return float(left or 0.0)


@scenario(19, "memory", "v1")
def test_control_c_in_the_foreground(chaos: Chaos) -> None:
    """Scenario 19: every process of the group gets it; no job is interrupted, one drain."""
    with chaos(workers=3) as rig:
        rig.receiver.answer(every={"delay_seconds": 1.0})
        jobs = rig.producer.put(30)
        until(lambda: rig.receiver.count == len(jobs), within=10.0)
        os.killpg(rig.fleet.pid, signal.SIGINT)
        assert rig.fleet.ended() == 0, rig.fleet.log()
        assert len(rig.fleet.events("fleet-draining")) == 1
        assert rig.receiver.count == len(jobs)
