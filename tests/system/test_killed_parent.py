"""The parent is killed: its processes are gone within a second, and the next one loses nothing."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter

import psutil
import pytest
import redis
from support.chaos import proc
from support.fleet import Fleet
from support.jobs import KEY, app, feed, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, header
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

JOBS = 3_000
WORKERS = 3
#: From the kill until no process of the fleet is left. The kernel's alarm rings at 0.95.
WITHIN_SECONDS = 1.0


def kill(fleet: Fleet) -> float:
    """Kill the parent; seconds until its last child has gone, less what the machine is late by."""
    children = [child.pid for child in psutil.Process(fleet.pid).children(recursive=True)]
    assert len(children) > WORKERS
    before = {pid: proc.starved_seconds(pid) for pid in children}
    late = dict.fromkeys(children, 0.0)

    def gone() -> bool:
        for pid in children:  # one that has been reaped counts as one that never waited
            late[pid] = max(late[pid], proc.starved_seconds(pid) - before[pid])
        return not any(map(proc.is_running, children))

    os.kill(fleet.pid, signal.SIGKILL)
    began = time.monotonic()
    until(gone, within=5, explain=fleet.log)
    took = time.monotonic() - began
    fleet.wait()
    return took - max(late.values())


def test_under_load_nothing_is_lost_and_only_what_was_on_the_wire_comes_twice(
    server: RedisServer, client: redis.Redis
) -> None:
    # leases longer than the test: a fleet that waited for one to run out would be late
    slow = Rules(default=Rule(delay_seconds=0.05))
    with Sink({}, slow) as sink:
        config = redis_config(
            server.url, app(1, sink.url), in_flight=64, endpoint_in_flight=16, lease_seconds=60
        )
        fleet = Fleet(config, workers=WORKERS).start()
        feeder = threading.Thread(target=feed, args=(client, JOBS, 0.02))
        feeder.start()
        until(lambda: sink.count > JOBS / 10, within=30, explain=fleet.log)
        assert kill(fleet) < WITHIN_SECONDS
        before = sink.count
        with fleet:
            feeder.join()
            until(lambda: len(sink.channels()) == JOBS, within=30, explain=fleet.log)
            until(lambda: fleet.queue()["leased"] == 0, within=10, explain=fleet.log)
            assert fleet.queue()["dead"] == 0
        ids = Counter(header(r, "X-Sockq-Delivery-Id") for r in sink.received)
        assert before < JOBS
        assert len(ids) == JOBS
        assert sum(count - 1 for count in ids.values()) <= WORKERS * 16, "what was on the wire"


def test_a_job_on_the_wire_is_given_back_and_sent_again_at_once(
    server: RedisServer, client: redis.Redis
) -> None:
    hold = Rules(default=Rule(silent=True))
    with Sink({}, hold) as sink:
        config = redis_config(server.url, app(1, sink.url), lease_seconds=60)
        fleet = Fleet(config, workers=WORKERS).start()
        client.rpush(KEY, job("held"))
        until(lambda: sink.count == 1, within=5)
        assert kill(fleet) < WITHIN_SECONDS
        sink.set_rules(Rules())
        with fleet:
            until(lambda: sink.count == 2, within=10, explain=fleet.log)
        first, second = sink.received
        assert header(first, "X-Sockq-Delivery-Id") == header(second, "X-Sockq-Delivery-Id")


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_nobody_waits_for_a_backend_that_is_away(
    server: RedisServer, client: redis.Redis, number: signal.Signals
) -> None:
    hold = Rules(default=Rule(silent=True))
    with Sink({}, hold) as sink:
        config = redis_config(server.url, app(1, sink.url))
        fleet = Fleet(config, workers=WORKERS).start()
        client.rpush(KEY, job("held"))
        until(lambda: sink.count == 1, within=5)
        os.kill(server.pid, number)
        assert kill(fleet) < WITHIN_SECONDS
    server.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's death signal")
def test_real_workers_end_at_once_when_told_to_even_a_stopped_one(
    server: RedisServer, client: redis.Redis
) -> None:
    hold = Rules(default=Rule(silent=True))
    with Sink({}, hold) as sink:
        config = redis_config(server.url, app(1, sink.url), on_parent_death="kill")
        fleet = Fleet(config, workers=WORKERS).start()
        client.rpush(KEY, job("held"))
        until(lambda: sink.count == 1, within=5)
        os.kill(fleet.worker_pids()[0], signal.SIGSTOP)
        assert kill(fleet) < WITHIN_SECONDS / 2
        sink.set_rules(Rules())
        with fleet:
            until(lambda: sink.count == 2, within=10, explain=fleet.log)


def test_a_drain_that_goes_on_already_is_cut_short(
    server: RedisServer, client: redis.Redis
) -> None:
    hold = Rules(default=Rule(silent=True))
    with Sink({}, hold) as sink:
        fleet = Fleet(redis_config(server.url, app(1, sink.url)), workers=WORKERS).start()
        client.rpush(KEY, job("held"))
        until(lambda: sink.count == 1, within=5)
        fleet.signal(signal.SIGTERM)
        until(lambda: "draining" in [w["state"] for w in fleet.status()["workers"]], within=5)
        assert kill(fleet) < WITHIN_SECONDS


def test_helpers_of_every_kind_end_with_their_parent() -> None:
    memory = {"queue": {"driver": "memory"}, "sockq": {"http": {"address": "127.0.0.1:0"}}}
    fleet = Fleet(memory, workers=WORKERS, env={"SOCKQ_HTTP": "127.0.0.1:0"}).start()
    names = {child.name() for child in psutil.Process(fleet.pid).children()}
    assert {"sockq:broker", "sockq:janitor", "sockq:http"} <= names
    assert kill(fleet) < WITHIN_SECONDS
