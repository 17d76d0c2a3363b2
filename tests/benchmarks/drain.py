"""How fast a real fleet empties a real Redis, and what it costs. See README.md beside this file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.baselines import baseline
from benchmarks.each_source import Wish, measure
from benchmarks.measures import memory_mib
from benchmarks.phases import Lost, drain, idle, paced
from benchmarks.report import Measured, table
from benchmarks.rig import Rig, rig
from benchmarks.sources import BACKENDS

CONCURRENCY = 16  # the default of endpoint_in_flight


def main() -> int:
    """Run it all; 0 when every job arrived and nothing stayed behind, else 1."""
    wish = _arguments()
    count = round(wish.rate * wish.seconds)
    if wish.source:
        return _each(wish)
    try:
        with rig(wish.workers, count, pinned=wish.pin) as running:
            found = _measure(running, wish, count)
    except Lost as lost:
        print(f"LOST: {lost}", file=sys.stderr)
        return 1
    where = f"{os.cpu_count()} processors, {'pinned' if wish.pin else 'not pinned'}"
    print(
        f"\n{wish.jobs:,} jobs, workers: {wish.workers}, rounds: {wish.rounds} (medians); {where}\n"
    )
    print(table(found, goals=not wish.short))  # too short to judge by
    return 0


def _each(wish: argparse.Namespace) -> int:
    """One table of sources."""
    names = list(BACKENDS) if wish.source == "all" else [wish.source]
    each = Wish(wish.jobs, wish.workers, wish.rounds, wish.patience, CONCURRENCY, wish.pin)
    try:
        print(measure(names, each))
    except Lost as lost:
        print(f"LOST: {lost}", file=sys.stderr)
        return 1
    return 0


def _measure(running: Rig, wish: argparse.Namespace, count: int) -> Measured:
    drained, engine, urllib3 = [], [], []
    _say("warming up")
    drain(running, min(wish.jobs, 2000), wish.patience)
    for number in range(1, wish.rounds + 1):
        # Side by side: the machine's own speed changes from minute to minute.
        _say(f"round {number} of {wish.rounds}")
        drained.append(drain(running, wish.jobs, wish.patience))
        engine.append(baseline("engine", running.sink.url, wish.jobs, CONCURRENCY, pinned=wish.pin))
        urllib3.append(
            baseline("urllib3", running.sink.url, max(500, wish.jobs // 10), 1, pinned=wish.pin)
        )
    memory = [memory_mib(pid) for pid in running.workers]
    _say(f"{count} jobs at {wish.rate:g} a second")
    trickle = paced(running, count, wish.rate)
    _say(f"{wish.idle:g} s of nothing")
    rest = idle(running, wish.idle)
    if not running.same_processes():
        raise Lost("a process of the fleet was replaced during the run")
    return Measured(drained, engine, urllib3, trickle, rest, memory)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--source", choices=(*BACKENDS, "all"), help="one table of sources instead (sqs: few jobs)"
    )
    parser.add_argument("--jobs", type=int, default=20_000, help="jobs in a round")
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; medians are shown")
    parser.add_argument("--rate", type=float, default=500, help="jobs a second of the paced phase")
    parser.add_argument("--seconds", type=float, default=6, help="length of the paced phase")
    parser.add_argument("--idle", type=float, default=10, help="seconds of the idle phase")
    parser.add_argument("--patience", type=float, default=120, help="seconds a round may take")
    parser.add_argument(
        "--pin", action="store_true", help="workers on CPU 0, all else on CPU 1 (Linux)"
    )
    parser.add_argument(
        "--short", action="store_true", help="a quick check that it runs and loses nothing"
    )
    wish = parser.parse_args()
    if wish.short:
        wish.jobs, wish.rounds, wish.rate, wish.seconds, wish.idle = 2000, 1, 200, 1.5, 2
    return wish


def _say(text: str) -> None:
    print(f"- {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
