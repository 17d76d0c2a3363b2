"""Everything a run measures, real and private: Redis, a sink, a paced receiver, a fleet."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
from benchmarks.jobs import configuration
from benchmarks.measures import cpu_seconds, pin
from support.fleet import Fleet
from support.nginx import Nginx
from support.redis_server import RedisServer

from sockq.drivers.registry import make_driver
from sockq.drivers.settings import RedisSettings

STAMPS = Path(__file__).with_name("stamps.py")


@dataclass(slots=True)
class Costs:
    """Processor seconds so far, by who spent them, and when that was."""

    at: float
    workers: float
    parent: float
    helpers: float
    redis: float

    def since(self, earlier: Costs) -> Costs:
        """The difference."""
        return Costs(
            self.at - earlier.at,
            self.workers - earlier.workers,
            self.parent - earlier.parent,
            self.helpers - earlier.helpers,
            self.redis - earlier.redis,
        )


@dataclass(slots=True)
class Rig:
    """What is running.

    Attributes:
        helpers: The fleet's other processes (the janitor).
        stamps: The paced receiver; it ends when it has everything.
        arrivals: Where that one writes what it saw.
    """

    client: redis.Redis
    server: RedisServer
    sink: Nginx
    fleet: Fleet
    workers: list[int]
    helpers: list[int]
    stamps: subprocess.Popen[str]
    arrivals: Path

    def costs(self) -> Costs:
        """Read every meter."""
        spent = self.client.info("cpu")
        return Costs(
            time.monotonic(),
            cpu_seconds(self.workers),
            cpu_seconds([self.fleet.pid]),
            cpu_seconds(self.helpers),
            spent["used_cpu_user"] + spent["used_cpu_sys"],
        )

    def left(self) -> dict[str, int]:
        """Jobs that are still anywhere, by where: all zero when everything is delivered."""
        return asyncio.run(_left(self.server.url))

    def same_processes(self) -> bool:
        """Whether no process of the fleet has been replaced."""
        return sorted(_children(self.fleet.pid)) == sorted([*self.workers, *self.helpers])


@contextmanager
def rig(workers: int, paced: int, *, pinned: bool) -> Iterator[Rig]:
    """Start all of it, stop all of it.

    Args:
        workers: Worker processes.
        paced: How many webhooks the paced receiver waits for.
        pinned: Workers on processor 0, everything else on 1.
    """
    with Nginx() as sink, RedisServer() as server, _stamps(paced) as (stamps, port, arrivals):
        endpoints = {"drain": sink.url, "paced": f"http://127.0.0.1:{port}/"}
        client = redis.Redis.from_url(server.url)
        with Fleet(configuration(server.url, endpoints), workers=workers) as fleet:
            pids = fleet.worker_pids()
            helpers = [pid for pid in _children(fleet.pid) if pid not in pids]
            if pinned:
                pin(pids, 0)
                pin([fleet.pid, *helpers, server.pid, stamps.pid, *sink.pids], 1)
                pin([psutil.Process().pid], 1)
            yield Rig(client, server, sink, fleet, pids, helpers, stamps, arrivals)
        client.close()


@contextmanager
def _stamps(wanted: int) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    with tempfile.TemporaryDirectory(prefix="sqbench") as home:
        arrivals = Path(home, "arrivals.json")
        process = subprocess.Popen(
            [sys.executable, STAMPS, str(wanted), arrivals],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline()), arrivals
        finally:
            process.kill()
            process.communicate()


def _children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


async def _left(url: str) -> dict[str, int]:
    driver = make_driver(RedisSettings(url=url))
    await driver.open()
    try:
        left = {"ready": 0, "leased": 0, "delayed": 0, "dead": 0}
        for source in driver.sources:
            stats = await source.stats()
            for state in left:
                left[state] += getattr(stats, state) or 0
        return left
    finally:
        await driver.close()
