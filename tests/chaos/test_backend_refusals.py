"""A backend that answers and refuses: read-only, loading, without memory, or not the master."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import redis
from support.chaos.rig import Rig
from support.chaos.scenario import lasting, scenario
from support.chaos.trouble import counted_refusals, errors
from support.redis_cluster import FAILOVER_SECONDS
from support.redis_server import RedisServer
from support.until import until

Chaos = Callable[..., Rig]

WORKERS: Final = 3
ATTEMPTS_A_SECOND: Final = 5.0
#: The longest wait between two tries, and the try.
BACK_SECONDS: Final = 5.0
#: A file of so many commands, read at this pace.
LOADED: Final = 10_000
PACE_MICROSECONDS: Final = 300
_NO_MASTER: Final = ("127.0.0.1", 1)


@scenario(25, "bullmq", "v1", "v2")
def test_redis_becomes_a_replica_and_a_master_again(chaos: Chaos) -> None:
    """Scenario 25: READONLY for every write; few tries, one word each, nobody dies."""
    with chaos(workers=WORKERS, recovery_seconds=BACK_SECONDS) as rig:
        server = _busy(rig)
        assert server.cli("REPLICAOF", *_NO_MASTER) == "OK"
        _storm(rig, server)
        assert errors(server)["READONLY"]
        assert server.cli("REPLICAOF", "NO", "ONE") == "OK"
        _is_back(rig)


@scenario(25, "v1", "v2", "bullmq")
def test_redis_has_no_memory_left(chaos: Chaos) -> None:
    """Scenario 25: OOM for every write that needs some."""
    with chaos(workers=WORKERS, recovery_seconds=BACK_SECONDS) as rig:
        server = _busy(rig)
        assert server.cli("CONFIG", "SET", "maxmemory", "1") == "OK"
        # Ours need no memory to settle and to give back: a quiet queue would meet no refusal.
        assert server.cli("SET", "ballast", "1").startswith("OOM")
        _storm(rig, server)
        assert server.cli("CONFIG", "SET", "maxmemory", "0") == "OK"
        # a claim that still finds a job needs no memory either: it succeeds between two refusals
        _is_back(rig, told=3)


@scenario(25, "v2", "bullmq", "v1")
def test_redis_loads_its_file(chaos: Chaos) -> None:
    """Scenario 25: killed, and back with a long LOADING before the first real answer."""
    with chaos(workers=WORKERS, recovery_seconds=BACK_SECONDS) as rig:
        server = _busy(rig)
        client = redis.Redis.from_url(server.url)
        with client.pipeline(transaction=False) as step:
            for number in range(LOADED):
                step.set("ballast", number)
            step.execute()
        client.close()
        rig.producer.end()
        server.kill()
        began = time.monotonic()
        server.restart("--key-load-delay", str(PACE_MICROSECONDS))
        took = time.monotonic() - began
        assert took > 2.0
        refused = errors(server)["LOADING"]
        assert 0 < refused < ATTEMPTS_A_SECOND * took * (WORKERS + 1)
        _is_back(rig)


@scenario(25, "replicated")
def test_a_master_of_the_cluster_dies(chaos: Chaos) -> None:
    """Scenario 25: CLUSTERDOWN until its replica stands in, MOVED then; nobody dies."""
    with chaos(workers=WORKERS, recovery_seconds=FAILOVER_SECONDS) as rig:
        rig.at_work(rate=60)
        cluster = rig.backend.cluster
        assert cluster is not None
        rig.interrupted("redis", WORKERS * rig.in_flight)
        dead = cluster.owner_of("sockudo_queue::queue:webhooks")
        dead.kill()
        until(lambda: len(_states(rig) & {"degraded"}) == 1, within=10.0, explain=rig.fleet.log)
        _is_back(rig)
        rig.producer.end()


def _busy(rig: Rig) -> RedisServer:
    """Have the fleet at work; returns its server, whose answers do not count from now on."""
    server = rig.backend.redis
    assert server is not None
    rig.at_work(rate=60)
    rig.interrupted("redis", WORKERS * rig.in_flight)
    return server


def _storm(rig: Rig, server: RedisServer) -> None:
    rig.producer.end()
    time.sleep(1.0)  # what was on its way
    with counted_refusals(server) as refusals:
        time.sleep(lasting(4.0))  # the storm
    assert refusals.per_second(WORKERS + 1) <= ATTEMPTS_A_SECOND
    assert rig.fleet.status()["phase"] == "running"


def _states(rig: Rig) -> set[str]:
    return {worker["state"] for worker in rig.fleet.status()["workers"]}


def _is_back(rig: Rig, told: int = 1) -> None:
    """Wait until all workers are ready: nobody died, nobody spoke more than ``told`` times."""
    since = time.monotonic()
    until(lambda: _states(rig) == {"ready"}, within=BACK_SECONDS + 20.0, explain=rig.fleet.log)
    rig.recovered_now(since)
    rig.producer.put(20)
    assert not rig.fleet.events("process-ended")
    downs, ups = _told(rig, "backend-down"), _told(rig, "backend-up")
    assert max(downs.values(), default=0) <= told, downs
    assert max(ups.values(), default=0) <= told, ups


def _told(rig: Rig, name: str) -> Counter[str]:
    return Counter(event["process"] for event in rig.fleet.events(name))
