"""A private backend, a fleet on it and jobs in its format, for each source there is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec
from benchmarks.jobs import configuration, job
from support.fleet import Fleet
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer
from support.sqs_server import SqsServer

from sockq.drivers.job import NewJob
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.drivers.sockudo_v2 import SockudoV2Source
from sockq.drivers.source import Source
from sockq.supervisor.job_events import make_event
from sockq.supervisor.settings import load
from sockq.supervisor.soketi_events import make_soketi_job

#: Jobs put in at once.
_BATCH: Final = 500
_APP: Final = "drain"


@dataclass(frozen=True, slots=True)
class Backend:
    """A running backend.

    Attributes:
        config: The server's file for it.
        pids: Its processes; empty: the fleet's own broker.
        env: Variables for the fleet and for who enqueues.
        make: The bytes of a job, by channel.
    """

    config: Mapping[str, object]
    pids: tuple[int, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    make: Callable[[str], bytes] = lambda channel: job(_APP, channel)


@contextmanager
def _redis(url: str) -> Iterator[Backend]:
    with RedisServer() as server:
        yield Backend(configuration(server.url, {_APP: url}), (server.pid,))


@contextmanager
def _memory(url: str) -> Iterator[Backend]:
    yield Backend({**configuration("", {_APP: url}), "queue": {"driver": "memory"}})


@contextmanager
def _cluster(url: str) -> Iterator[Backend]:
    with RedisCluster(replicas=False) as cluster:
        queue = {"driver": "redis-cluster", "redis_cluster": {"nodes": list(cluster.urls)}}
        pids = tuple(node.pid for node in cluster.nodes)
        yield Backend({**configuration("", {_APP: url}), "queue": queue}, pids)


@contextmanager
def _sqs(url: str) -> Iterator[Backend]:
    with SqsServer() as server:
        queue = {"driver": "sqs", "sqs": {"endpoint_url": server.url, "wait_time_seconds": 1}}
        config = {**configuration("", {_APP: url}), "queue": queue}
        yield Backend(config, (server.pid,), server.environment)


@contextmanager
def _bullmq(url: str) -> Iterator[Backend]:
    app = {
        "id": _APP,
        "key": f"{_APP}-key",
        "secret": f"{_APP}-secret",
        "webhooks": [{"url": url, "event_types": ["channel_occupied"]}],
    }
    with RedisServer() as server:
        env = {
            "SOKETI_QUEUE_DRIVER": "redis",
            "SOKETI_DB_REDIS_HOST": "127.0.0.1",
            "SOKETI_DB_REDIS_PORT": server.url.rpartition(":")[2].partition("/")[0],
        }
        yield Backend({"appManager.array.apps": [app]}, (server.pid,), env, _soketi_job)


def _soketi_job(channel: str) -> bytes:
    event = make_event("channel_occupied", channel, msgspec.UNSET, user="", client_event="")
    return make_soketi_job(_APP, f"{_APP}-key", f"{_APP}-secret", event, 1_700_000_000_000)


#: By the name that ``--source`` takes; given the URL of the receiver.
BACKENDS: Final[Mapping[str, Callable[[str], AbstractContextManager[Backend]]]] = {
    "v1": _redis,
    "v2": _redis,
    "bullmq": _bullmq,
    "memory": _memory,
    "cluster": _cluster,
    "sqs": _sqs,
}


class Feed:
    """Puts jobs in a source and counts what is left, through a driver of its own each time."""

    def __init__(self, name: str, backend: Backend, fleet: Fleet) -> None:
        self._name = name
        self._backend = backend
        environ = {**backend.env, "SOCKQ_DIR": str(fleet.run_dir)}
        # boto3 looks for credentials there.
        os.environ.update({k: v for k, v in backend.env.items() if k.startswith("AWS_")})
        found = load(fleet.config_path, environ)
        if found.fleet is None:
            raise ValueError("; ".join(found.faults))
        self._settings: DriverSettings = found.fleet.driver

    def put(self, count: int) -> None:
        """Enqueue ``count`` jobs."""
        asyncio.run(self._put(count))

    def left(self) -> dict[str, int]:
        """Jobs that are still anywhere, by where."""
        return asyncio.run(self._left())

    async def _put(self, count: int) -> None:
        driver = make_driver(self._settings)
        await driver.open()
        try:
            source = self._source(driver.sources)
            for start in range(0, count, _BATCH):
                numbers = range(start, min(count, start + _BATCH))
                await source.enqueue([NewJob(self._backend.make(f"drain-{n}")) for n in numbers])
        finally:
            await driver.close()

    async def _left(self) -> dict[str, int]:
        driver = make_driver(self._settings)
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

    def _source(self, sources: list[Source]) -> Source:
        of_5 = [source for source in sources if isinstance(source, SockudoV2Source)]
        return of_5[0] if self._name == "v2" else sources[0]
