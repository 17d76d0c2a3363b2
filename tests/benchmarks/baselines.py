"""The two loops a fleet is compared with, each in a process of its own.

``python baselines.py engine|urllib3 URL N CONCURRENCY [CPU]`` prints a ``CpuResult`` as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bare_engine import CpuResult, engine_loop, urllib3_loop

Which = Literal["engine", "urllib3"]


def baseline(which: Which, url: str, requests: int, concurrency: int, *, pinned: bool) -> CpuResult:
    """Run one loop in a new process: like a worker, it has nothing else in it."""
    command = [sys.executable, __file__, which, url, str(requests), str(concurrency)]
    if pinned:
        command.append("0")
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return CpuResult(**json.loads(done.stdout))


def _main(which: str, url: str, requests: int, concurrency: int, cpu: str = "") -> None:
    if cpu:
        os.sched_setaffinity(0, {int(cpu)})
    if which == "engine":
        result = engine_loop(url, requests, concurrency)
    else:
        result = urllib3_loop(url, requests)
    print(json.dumps(dataclasses.asdict(result)))


if __name__ == "__main__":
    which, url, requests, concurrency, *rest = sys.argv[1:]
    _main(which, url, int(requests), int(concurrency), *rest)
