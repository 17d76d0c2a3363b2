"""A backend behind a path that is cut without a word: connections that nobody ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from support.chaos import half_open
from support.chaos.backends import Backend, running_backend
from support.chaos.half_open import HalfOpenPath, half_open_path, why_not
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.until import until

Chaos = Callable[..., Rig]

WORKERS: Final = 3
#: An answer is waited for so long; an idle claim blocks for as long again before.
SILENCE_SECONDS: Final = 10.0
#: Starting a connection has 3 s, and the wait between two tries is 3 s at most.
BACK_SECONDS: Final = 8.0


@pytest.fixture
def path(source: str) -> Iterator[tuple[Backend, HalfOpenPath]]:
    """The source's backend, and the path on which the fleet reaches it."""
    if reason := why_not():
        pytest.skip(reason)
    with running_backend(source) as backend:
        assert backend.redis is not None
        with half_open_path(backend.redis.port) as path:
            yield _behind(backend, path), path


@pytest.fixture
def backend(path: tuple[Backend, HalfOpenPath]) -> Backend:
    return path[0]


def _behind(backend: Backend, path: HalfOpenPath) -> Backend:
    if backend.source == "bullmq":
        return replace(backend, env={**backend.env, "SOKETI_DB_REDIS_HOST": path.host})
    url = f"redis://{path.host}:{path.port}/0"
    queue = {"driver": "redis", "redis": {"url_override": url}}
    return replace(backend, config={**backend.config, "queue": queue})


@scenario(24, "v1", "v2", "bullmq")
def test_the_path_to_redis_is_cut_without_a_word(
    chaos: Chaos, path: tuple[Backend, HalfOpenPath]
) -> None:
    """Scenario 24: silence is noticed in time and waited out; nobody is killed or replaced."""
    _, way = path
    # what was claimed while the path was cut waits for the end of its lease
    with chaos(workers=WORKERS, recovery_seconds=BACK_SECONDS, lease_seconds=6) as rig:
        rig.at_work(rate=60, most=200)
        before = rig.fleet.worker_pids()
        way.cut()
        rig.interrupted("path", WORKERS * rig.in_flight)
        until(lambda: _states(rig) == {"degraded"}, within=SILENCE_SECONDS + 1.0)
        time.sleep(lasting(1.0))  # the outage
        way.mend()
        mended = time.monotonic()
        until(lambda: _states(rig) == {"ready"}, within=BACK_SECONDS + 10.0, explain=rig.fleet.log)
        rig.recovered_now(mended)
        assert rig.fleet.worker_pids() == before
        assert not rig.fleet.events("process-ended")
        assert not rig.fleet.events("process-silent")
        rig.producer.put(50)


def _states(rig: Rig) -> set[str]:
    return {worker["state"] for worker in rig.fleet.status()["workers"]}


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="takes root, setpriv")
def test_root_without_the_right_to_lay_a_path_is_told_so() -> None:
    bounded = ("setpriv", "--inh-caps=-all", "--bounding-set=-net_admin", sys.executable)
    program = "from support.chaos import half_open; print(half_open.why_not())"
    tests = str(Path(half_open.__file__).parents[2])
    done = subprocess.run(
        [*bounded, "-c", program],
        env={**os.environ, "PYTHONPATH": tests},
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert done.stdout.startswith((b"no network namespace: ", b"a network namespace takes ip"))
