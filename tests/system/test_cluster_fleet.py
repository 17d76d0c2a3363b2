"""A fleet on a real cluster delivers through a master's death and through a move of its queue."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError
from support.fleet import Fleet
from support.jobs import app, job
from support.redis_cluster import FAILOVER_SECONDS, RedisCluster
from support.sink import Sink, events, header
from support.until import until

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import NewJob
from sockq.drivers.redis_client import Executor
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.drivers.sockudo_v2 import SockudoV2Source
from sockq.drivers.source import Source
from sockq.supervisor.job_events import make_event
from sockq.supervisor.receiver_rules import Rule, Rules
from sockq.supervisor.settings import load
from sockq.supervisor.soketi_events import make_soketi_job

LEASE_SECONDS = 3.0
PAUSE_SECONDS = 0.005


@dataclass(frozen=True)
class Kind:
    """One source in a cluster.

    Attributes:
        config: The server's file, given the URL of the receiver.
        env: The server's variables.
        make: The bytes of a job, by channel.
        of_5: Whether its source is Sockudo 5's.
    """

    config: Callable[[str, RedisCluster], dict[str, object]]
    make: Callable[[str], bytes]
    env: Callable[[RedisCluster], dict[str, str]] = field(default=lambda _: {})
    of_5: bool = False


def sockudo(url: str, cluster: RedisCluster) -> dict[str, object]:
    return {
        "queue": {"driver": "redis-cluster", "redis_cluster": {"nodes": [*cluster.urls]}},
        "app_manager": {"driver": "memory", "array": {"apps": [app(1, url)]}},
        "sockq": {"lease_seconds": LEASE_SECONDS},
    }


def soketi(url: str, _cluster: RedisCluster) -> dict[str, object]:
    hook = {"url": url, "event_types": ["channel_occupied"]}
    one = {"id": "app-id", "key": "app-key", "secret": "app-secret", "webhooks": [hook]}
    return {"appManager.array.apps": [one]}


def soketi_variables(cluster: RedisCluster) -> dict[str, str]:
    nodes = [{"host": "127.0.0.1", "port": node.port} for node in cluster.nodes]
    return {
        "SOKETI_MODE": "worker",
        "SOKETI_QUEUE_DRIVER": "redis",
        "SOKETI_QUEUE_REDIS_CLUSTER_MODE": "true",
        "SOKETI_DB_REDIS_KEY_PREFIX": "{soketi}:",
        "SOKETI_DB_REDIS_CLUSTER_NODES": json.dumps(nodes),
        "SOCKQ_LEASE_SECONDS": str(LEASE_SECONDS),
    }


def soketi_job(channel: str) -> bytes:
    event = make_event("channel_occupied", channel, msgspec.UNSET, user="", client_event="")
    return make_soketi_job("app-id", "app-key", "app-secret", event, time.time_ns() // 1_000_000)


KINDS = {
    "v1": Kind(sockudo, job),
    "v2": Kind(sockudo, job, of_5=True),
    "bullmq": Kind(soketi, soketi_job, soketi_variables),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as started:
        yield started


class Producer(threading.Thread):
    """A server: puts jobs in the queue one by one, and goes on after a failover.

    Attributes:
        sent: Channels of jobs that the cluster took.
        kept: Those of them that a replica had: no failover may lose them.
        slot: The queue's.
    """

    def __init__(self, cluster: RedisCluster, kind: Kind, settings: DriverSettings) -> None:
        super().__init__(daemon=True)
        self.sent: list[str] = []
        self.kept: list[str] = []
        self.slot = -1
        self.error: BaseException | None = None
        self._stopping = threading.Event()
        self._cluster = cluster
        self._kind = kind
        self._settings = settings
        self._marker = ""
        self._plain: Executor | None = None

    def stop(self) -> None:
        """End it; raises what ended it before."""
        self._stopping.set()
        self.join()
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self.error = error

    async def _run(self) -> None:
        driver = make_driver(self._settings)
        await driver.open()
        source = self._source(driver.sources)
        tag = source.name.partition("{")[2].partition("}")[0] or source.name
        self._marker = f"{{{tag}}}:marker"
        self.slot = key_slot(tag.encode())
        number = 0
        while not self._stopping.is_set():
            await asyncio.sleep(PAUSE_SECONDS)
            number += 1
            try:
                await source.enqueue([NewJob(self._kind.make(f"c{number}"))])
            except BackendUnavailable:
                await asyncio.sleep(0.1)
                continue
            self.sent.append(f"c{number}")
            if await self._replicated():
                self.kept.append(f"c{number}")
        await driver.close()
        if self._plain is not None:
            await self._plain.aclose()

    def _source(self, sources: list[Source]) -> Source:
        of_5 = [one for one in sources if isinstance(one, SockudoV2Source)]
        return of_5[0] if self._kind.of_5 else sources[0]

    async def _replicated(self) -> bool:
        """Whether a replica has what the master had when this was asked."""
        try:
            if self._plain is None:
                self._plain = Redis(
                    port=self._cluster.owner(self.slot).port,
                    single_connection_client=True,
                    socket_timeout=1.0,
                    retry=Retry(NoBackoff(), 0),
                )
            await self._plain.execute_command("SET", self._marker, "1")
            return int(await self._plain.execute_command("WAIT", 1, 20)) >= 1
        except (RedisError, OSError, AssertionError):
            if self._plain is not None:
                await self._plain.aclose()
            self._plain = None
            return False


class Delivering:
    """A fleet on the cluster with a producer that is at work."""

    def __init__(self, cluster: RedisCluster, kind: Kind, fleet: Fleet, sink: Sink) -> None:
        self.cluster, self.fleet, self.sink = cluster, fleet, sink
        self.workers = fleet.worker_pids()
        self.producer = Producer(cluster, kind, driver_of(fleet, kind.env(cluster)))
        self.producer.start()
        until(lambda: sink.count >= 200, within=20, explain=fleet.log)

    def end(self, wanted: list[str]) -> None:
        """Stop the producer; all that is ``wanted`` arrives, and nothing is left or dead."""
        self.producer.stop()
        until(lambda: set(wanted) <= self.sink.channels(), within=20, explain=self.fleet.log)
        until(self.empty, within=15, explain=self.fleet.log)
        assert self.fleet.worker_pids() == self.workers, "an outage is a state, not a death"
        assert self.fleet.stop() == 0
        ids = Counter(header(r, "X-Sockq-Delivery-Id") for r in self.sink.received)
        by_id = {
            header(r, "X-Sockq-Delivery-Id"): events(r)[0]["channel"] for r in self.sink.received
        }
        assert len(set(by_id.values())) == len(by_id), "an id names one job"
        repeated = sum(count - 1 for count in ids.values())
        assert repeated <= 2 * 256, "only what was in flight is sent twice"

    def empty(self) -> bool:
        queue = self.fleet.queue()
        return all(queue[state] == 0 for state in ("ready", "leased", "delayed", "dead"))


def driver_of(fleet: Fleet, env: Mapping[str, str]) -> DriverSettings:
    found = load(fleet.config_path, {**env, "SOCKQ_DIR": str(fleet.run_dir)})
    assert found.fleet is not None, found.faults
    return found.fleet.driver


@pytest.mark.timeout(120)
def test_a_fleet_delivers_through_the_death_of_its_master(
    cluster: RedisCluster, kind: Kind
) -> None:
    slow = Rules(default=Rule(delay_seconds=0.02))
    with (
        Sink({}, slow) as sink,
        Fleet(kind.config(sink.url, cluster), workers=2, env=kind.env(cluster)) as fleet,
    ):
        work = Delivering(cluster, kind, fleet, sink)
        producer = work.producer
        assert producer.kept
        cluster.owner(producer.slot).kill()
        until(lambda: went_on(producer, sink), within=FAILOVER_SECONDS, explain=fleet.log)
        work.end(producer.kept)


def went_on(producer: Producer, sink: Sink) -> bool:
    """Whether the new master took 100 jobs and they came through.

    No replica is left, so that WAIT cannot confirm them.
    """
    last = max(map(number_of, producer.kept))
    return sum(number_of(name) > last for name in sink.channels()) >= 100


@pytest.mark.timeout(120)
def test_a_fleet_delivers_while_its_queue_moves(cluster: RedisCluster, kind: Kind) -> None:
    """Slowly, so that keys stand on both sides for a while; and back again at once."""
    with (
        Sink({}) as sink,
        Fleet(kind.config(sink.url, cluster), workers=2, env=kind.env(cluster)) as fleet,
    ):
        work = Delivering(cluster, kind, fleet, sink)
        slot = work.producer.slot
        source = cluster.owner(slot)
        target = cluster.other_master(source)
        cluster.begin_move(slot, source, target)
        before = len(work.producer.sent)
        while cluster.move_keys(slot, source, target):
            continue
        cluster.end_move(slot, source, target)
        until(lambda: len(work.producer.sent) >= before + 100, within=20, explain=fleet.log)
        assert cluster.owner(slot) is target
        cluster.move(slot, source)
        before = sink.count
        until(lambda: sink.count >= before + 100, within=20, explain=fleet.log)
        work.end(work.producer.sent)


def number_of(channel: str) -> int:
    return int(channel.removeprefix("c"))
