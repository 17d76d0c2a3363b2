"""A private backend for each source there is, and how its server's jobs look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec
from support.jobs import app, identity, job
from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer
from support.sqs_server import SqsServer

from sockq.supervisor.job_events import make_event
from sockq.supervisor.soketi_events import make_soketi_job

#: A clean basis for claims of loss: what Redis has confirmed is on the disk.
DURABLE: Final = ("--appendonly", "yes", "--appendfsync", "always")
EVENTS: Final = ["channel_occupied"]

Config = dict[str, object]


def _sockudo_apps(urls: list[str]) -> Config:
    apps = [app(number, url, events=EVENTS) for number, url in enumerate(urls, 1)]
    return {"app_manager": {"driver": "memory", "array": {"apps": apps}}}


def _sockudo_job(name: str, number: int) -> bytes:
    return job(name, app=number)


@dataclass(frozen=True, slots=True)
class Backend:
    """A running backend.

    Attributes:
        source: Its name in the table.
        config: The server's file for a fleet on it, without apps.
        env: Variables for the fleet.
        redis: The server to kill and restart, where it is one.
        sqs: moto's server, where it is that.
        apps: Makes the file's part about apps: paths of the receiver to one app each.
        make: Makes a job, given its name and the number of its app.
        cluster: The nodes, where it is one.
    """

    source: str
    config: Config
    env: Mapping[str, str] = field(default_factory=dict)
    redis: RedisServer | None = None
    sqs: SqsServer | None = None
    apps: Callable[[list[str]], Config] = _sockudo_apps
    make: Callable[[str, int], bytes] = _sockudo_job
    cluster: RedisCluster | None = None


def _soketi_apps(urls: list[str]) -> Config:
    apps = []
    for number, url in enumerate(urls, 1):
        app_id, key, secret = identity(number)
        hook = {"url": url, "event_types": EVENTS}
        apps.append({"id": app_id, "key": key, "secret": secret, "webhooks": [hook]})
    return {"appManager.array.apps": apps}


def _soketi_job(name: str, number: int) -> bytes:
    event = make_event("channel_occupied", name, msgspec.UNSET)
    app_id, key, secret = identity(number)
    stamp = msgspec.json.decode(job(name))["payload"]["time_ms"]
    return make_soketi_job(app_id, key, secret, event, stamp)


@contextmanager
def _redis(source: str) -> Iterator[Backend]:
    with RedisServer(*DURABLE) as server:
        queue = {"driver": "redis", "redis": {"url_override": server.url}}
        yield Backend(source, {"queue": queue}, redis=server)


@contextmanager
def _bullmq(source: str) -> Iterator[Backend]:
    with RedisServer(*DURABLE) as server:
        env = {
            "SOKETI_QUEUE_DRIVER": "redis",
            "SOKETI_DB_REDIS_HOST": "127.0.0.1",
            "SOKETI_DB_REDIS_PORT": str(server.port),
        }
        yield Backend(source, {}, env, server, None, _soketi_apps, _soketi_job)


@contextmanager
def _memory(source: str) -> Iterator[Backend]:
    yield Backend(source, {"queue": {"driver": "memory"}})


@contextmanager
def _cluster(source: str) -> Iterator[Backend]:
    with RedisCluster(*DURABLE, replicas=source == "replicated") as cluster:
        nodes = {"nodes": list(cluster.urls)}
        queue = {"driver": "redis-cluster", "redis_cluster": nodes}
        yield Backend(source, {"queue": queue}, cluster=cluster)


@contextmanager
def _sqs(source: str) -> Iterator[Backend]:
    with SqsServer() as server:
        sqs = {"endpoint_url": server.url, "wait_time_seconds": 1, "fifo": source == "fifo"}
        config: Config = {"queue": {"driver": "sqs", "sqs": sqs}}
        yield Backend(source, config, server.environment, sqs=server)


#: By the names that the tests, the soak and the report use.
BACKENDS: Final[Mapping[str, Callable[[str], AbstractContextManager[Backend]]]] = {
    "v1": _redis,
    "v2": _redis,
    "bullmq": _bullmq,
    "memory": _memory,
    "cluster": _cluster,
    # for scenarios that take a master away; it costs six servers
    "replicated": _cluster,
    "sqs": _sqs,
    "fifo": _sqs,
}


@contextmanager
def running_backend(source: str) -> Iterator[Backend]:
    """Start the backend of a source; it is gone after the block."""
    with BACKENDS[source](source) as backend:
        yield backend
