"""A fleet on a real cluster delivers through the death of the master that holds its queue."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support.fleet import Fleet
from support.jobs import KEY, app, job
from support.redis_cluster import FAILOVER_SECONDS, RedisCluster
from support.sink import Sink, events, header
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

LEASE_SECONDS = 3.0


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as started:
        yield started


class Producer(threading.Thread):
    """A server: pushes jobs to the list's master, one by one, and goes on after a failover.

    Attributes:
        kept: Channels of jobs that a replica had: no failover may lose them.
    """

    def __init__(self, cluster: RedisCluster) -> None:
        super().__init__(daemon=True)
        self.kept: list[str] = []
        self.stopping = threading.Event()
        self._cluster = cluster

    def run(self) -> None:
        number = 0
        client: redis.Redis | None = None
        while not self.stopping.wait(0.005):
            number += 1
            try:
                if client is None:
                    client = redis.Redis(
                        port=self._cluster.owner_of(KEY).port,
                        socket_timeout=1.0,
                        retry=Retry(NoBackoff(), 0),
                    )
                client.rpush(KEY, job(f"c{number}"))
                # The connection's own write: what WAIT counts, the job above included.
                if client.wait(1, 20):
                    self.kept.append(f"c{number}")
            except (redis.RedisError, AssertionError):
                if client is not None:
                    client.close()
                client = None
                time.sleep(0.1)
        if client is not None:
            client.close()


def test_a_fleet_delivers_through_the_death_of_its_master(cluster: RedisCluster) -> None:
    config = {
        "queue": {"driver": "redis-cluster", "redis_cluster": {"nodes": [*cluster.urls]}},
        "sockq": {"lease_seconds": LEASE_SECONDS},
    }
    producer = Producer(cluster)
    slow = Rules(default=Rule(delay_seconds=0.02))
    with Sink({}, slow) as sink:
        config["app_manager"] = {"driver": "memory", "array": {"apps": [app(1, sink.url)]}}
        with Fleet(config, workers=2) as fleet:
            before = fleet.worker_pids()
            producer.start()
            until(lambda: sink.count >= 200, within=15, explain=fleet.log)
            master = cluster.owner_of(KEY)
            master.kill()
            until(lambda: went_on(producer, sink), within=FAILOVER_SECONDS, explain=fleet.log)
            producer.stopping.set()
            producer.join()
            until(lambda: set(producer.kept) <= channels(sink), within=20, explain=fleet.log)
            until(lambda: fleet.queue()["leased"] == 0, within=10, explain=fleet.log)
            assert fleet.queue()["dead"] == 0
            assert fleet.worker_pids() == before, "an outage is a state, not a death"
            assert fleet.stop() == 0
        ids = Counter(header(r, "X-Sockq-Delivery-Id") for r in sink.received)
        by_id = {header(r, "X-Sockq-Delivery-Id"): channel(r) for r in sink.received}
        assert len(set(by_id.values())) == len(by_id), "an id names one job"
        repeated = sum(count - 1 for count in ids.values())
        assert repeated <= 2 * 256, "only what was in flight is sent twice"


def went_on(producer: Producer, sink: Sink) -> bool:
    """Whether the new master took 100 jobs and they came through.

    No replica is left, so that WAIT cannot confirm them.
    """
    last = max(map(number_of, producer.kept))
    return sum(number_of(name) > last for name in channels(sink)) >= 100


def number_of(channel: str) -> int:
    return int(channel.removeprefix("c"))


def channel(received: object) -> str:
    return str(events(received)[0]["channel"])  # type: ignore[arg-type]


def channels(sink: Sink) -> set[str]:
    return {channel(r) for r in sink.received}
