"""The two loops a fleet is compared with, each in a process of its own, measured from inside.

``python baselines.py engine|urllib3 URL N CONCURRENCY [CPU]`` prints one JSON object:
``seconds`` and ``cpu_seconds``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bare_engine import engine_loop, urllib3_loop

Which = Literal["engine", "urllib3"]


@dataclass(slots=True)
class Baseline:
    """One run of a loop."""

    requests: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def micros(self) -> float:
        """Processor time of one request."""
        return self.cpu_seconds / self.requests * 1e6


def baseline(which: Which, url: str, requests: int, concurrency: int, *, pinned: bool) -> Baseline:
    """Run one loop in a new process; imports are not measured."""
    command = [sys.executable, __file__, which, url, str(requests), str(concurrency)]
    done = subprocess.run(
        [*command, *(["0"] if pinned else [])], check=True, stdout=subprocess.PIPE, text=True
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    return Baseline(requests, measured["seconds"], measured["cpu_seconds"])


def _main(which: str, url: str, requests: int, concurrency: int, cpu: str = "") -> None:
    if cpu:
        os.sched_setaffinity(0, {int(cpu)})
    began, spent = time.monotonic(), time.process_time()
    if which == "engine":
        engine_loop(url, requests, concurrency)
    else:
        urllib3_loop(url, requests)
    measured = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - spent}
    print(json.dumps(measured))


if __name__ == "__main__":
    which, url, requests, concurrency, *rest = sys.argv[1:]
    _main(which, url, int(requests), int(concurrency), *rest)
