"""The three things that are measured: emptying a full queue, a trickle, and doing nothing."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass

from benchmarks.jobs import QUEUE, job
from benchmarks.measures import percentile
from benchmarks.rig import Costs, Rig

STAGING = "benchmark:staging"
STEP_SECONDS = 0.01
SETTLING_SECONDS = 0.1


class Lost(Exception):  # noqa: N818 - it is what happened
    """A job did not arrive, or something was left in the queue."""


@dataclass(slots=True)
class Drained:
    """One round: seconds from the first job visible to the last delivered, and what it cost."""

    jobs: int
    seconds: float
    costs: Costs
    repeated: int

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    def micros(self, seconds: float) -> float:
        """Processor time of the round as microseconds a job."""
        return seconds / self.jobs * 1e6


def drain(rig: Rig, jobs: int, within: float) -> Drained:
    """Make ``jobs`` jobs appear at once in the server's list; wait until all are settled.

    Raises:
        Lost: not all arrived in time, or the queue is not empty afterwards.
    """
    for start in range(0, jobs, 1000):
        count = min(1000, jobs - start)
        rig.client.rpush(STAGING, *(job("drain", f"drain-{start + i}") for i in range(count)))
    before, costs = rig.sink.posts(), rig.costs()
    deadline = costs.at + within
    rig.client.rename(STAGING, QUEUE)
    delivered = 0
    while delivered < jobs:
        if time.monotonic() > deadline:
            raise Lost(f"{delivered} of {jobs} delivered after {within:g} s; queue: {rig.left()}")
        time.sleep(STEP_SECONDS)
        delivered = rig.sink.posts() - before
    seconds = time.monotonic() - costs.at
    while True:
        time.sleep(SETTLING_SECONDS)
        spent = rig.costs()  # before the question, which is no part of the job
        left = rig.left()
        if not any(left.values()):
            break
        if time.monotonic() > deadline:
            raise Lost(f"all delivered, but the queue still holds {left}")
    return Drained(jobs, seconds, spent.since(costs), rig.sink.posts() - before - jobs)


@dataclass(slots=True)
class Paced:
    """Milliseconds from just before the RPUSH to the last byte at the receiver."""

    rate: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


def paced(rig: Rig, count: int, rate: float, within: float = 30.0) -> Paced:
    """Enqueue ``count`` jobs, one each ``1/rate`` seconds, one command each, as a server does.

    Raises:
        Lost: not all arrived ``within`` seconds after the last was enqueued.
    """
    sent: list[int] = []
    began = time.monotonic()
    for number in range(count):
        wait = began + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        text = job("paced", f"paced-{number}")
        sent.append(time.monotonic_ns())
        rig.client.rpush(QUEUE, text)
    reached = count / (time.monotonic() - began)
    try:
        rig.stamps.wait(within)
    except subprocess.TimeoutExpired:
        assert rig.stamps.stdin is not None
        rig.stamps.stdin.close()
        rig.stamps.wait(5)
    arrivals = json.loads(rig.arrivals.read_text())
    if len(arrivals) < count:
        raise Lost(f"{len(arrivals)} of {count} paced jobs arrived; queue: {rig.left()}")
    took = [(arrivals[str(number)] - sent[number]) / 1e6 for number in range(count)]
    return Paced(reached, percentile(took, 0.5), percentile(took, 0.99), max(took))


@dataclass(slots=True)
class Idle:
    """Percent of one processor with nothing to do."""

    fleet: float
    parent: float
    redis: float


def idle(rig: Rig, seconds: float) -> Idle:
    """Watch the fleet do nothing."""
    time.sleep(1)  # what the phase before left behind
    before = rig.costs()
    time.sleep(seconds)
    spent = rig.costs().since(before)
    whole = spent.workers + spent.parent + spent.helpers
    return Idle(*(100 * part / spent.at for part in (whole, spent.parent, spent.redis)))
