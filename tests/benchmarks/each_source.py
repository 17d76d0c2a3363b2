"""``drain.py --source``: emptying a full queue, source by source, in one table."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.baselines import baseline
from benchmarks.measures import cpu_seconds, median, pin
from benchmarks.phases import SETTLING_SECONDS, STEP_SECONDS, Lost
from benchmarks.sources import BACKENDS, Feed
from support.fleet import Fleet
from support.nginx import Nginx

#: Most jobs of a round where the backend is a stand-in for a service, and slow.
MOST_JOBS = {"sqs": 1000}


@dataclass(frozen=True, slots=True)
class Round:
    """One round: jobs a second, and microseconds of processor time a job."""

    rate: float
    worker: float
    backend: float
    engine: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; see ``drain.py --help``."""

    jobs: int
    workers: int
    rounds: int
    patience: float
    concurrency: int
    pinned: bool


def measure(names: Sequence[str], wish: Wish) -> str:
    """Measure each source; return the table.

    Raises:
        Lost: a job did not arrive, or something was left in a queue.
    """
    rows = [("source", "jobs/s", "worker CPU", "backend CPU", "fleet/engine")]
    with Nginx() as sink:
        for name in names:
            rounds = _measure(name, sink, wish)
            worker = median([r.worker for r in rounds])
            rows.append(
                (
                    name,
                    f"{median([r.rate for r in rounds]):,.0f}",
                    f"{worker:.1f} us/job",
                    f"{median([r.backend for r in rounds]):.1f} us/job",
                    f"{median([r.engine for r in rounds]) / worker:.2f} x",
                )
            )
    return "\n".join("{:<8} {:>9} {:>14} {:>14} {:>13}".format(*row) for row in rows)


def _measure(name: str, sink: Nginx, wish: Wish) -> list[Round]:
    jobs = min(wish.jobs, MOST_JOBS.get(name, wish.jobs))
    rounds = []
    with (
        BACKENDS[name](sink.url) as backend,
        Fleet(backend.config, workers=wish.workers, env=backend.env) as fleet,
    ):
        workers = fleet.worker_pids()
        pids = backend.pids or _broker(fleet)
        if wish.pinned:
            pin(workers, 0)
            pin([fleet.pid, *pids, *sink.pids], 1)
        feed = Feed(name, backend, fleet)
        for number in range(wish.rounds + 1):
            print(f"- {name}: {number or 'warming up'}", file=sys.stderr, flush=True)
            count = jobs if number else min(jobs, 2000)
            spent = _drain(feed, sink, (workers, pids), count, wish.patience)
            engine = baseline("engine", sink.url, jobs, wish.concurrency, pinned=wish.pinned)
            rounds.append(Round(*spent, engine.micros))
        if sorted(fleet.worker_pids()) != sorted(workers):
            raise Lost(f"{name}: a worker was replaced during the run")
    return rounds[1:]


def _drain(
    feed: Feed,
    sink: Nginx,
    pids: tuple[list[int], tuple[int, ...]],
    jobs: int,
    within: float,
) -> tuple[float, float, float]:
    """Fill the queue while the workers are stopped, let them go on.

    Returns:
        Jobs a second; microseconds a job of the workers and of the backend.
    """
    # Stopped, not paused: a claim that waits would bring jobs before the clock runs.
    _signal(pids[0], signal.SIGSTOP)
    try:
        feed.put(jobs)
    except BaseException:
        _signal(pids[0], signal.SIGCONT)
        raise
    posts, before, began = sink.posts(), [cpu_seconds(of) for of in pids], time.monotonic()
    _signal(pids[0], signal.SIGCONT)
    while (done := sink.posts() - posts) < jobs:
        if time.monotonic() > began + within:
            raise Lost(f"{done} of {jobs} delivered after {within:g} s; queue: {feed.left()}")
        time.sleep(STEP_SECONDS)
    seconds = time.monotonic() - began
    while True:
        time.sleep(SETTLING_SECONDS)
        spent = [cpu_seconds(of) - start for of, start in zip(pids, before, strict=True)]
        if not any(feed.left().values()):
            break
        if time.monotonic() > began + within:
            raise Lost(f"all delivered, but the queue still holds {feed.left()}")
    worker, backend = (1e6 * part / jobs for part in spent)
    return jobs / seconds, worker, backend


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _broker(fleet: Fleet) -> tuple[int, ...]:
    helpers = fleet.status()["helpers"]
    return tuple(helper["pid"] for helper in helpers if helper["name"] == "broker")
