"""Jobs that kill their workers: found, buried with their proof, and nobody else harmed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from support import poison_fleet
from support.fleet import SERVING, Fleet
from support.jobs import KEY, app, job, redis_config
from support.memory_cgroup import memory_cgroup
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until

from sockq.drivers.redis import RedisDriver
from sockq.drivers.settings import RedisSettings
from sockq.drivers.source import DeadLetter
from sockq.supervisor.receiver_rules import Rule, Rules
from sockq.workers.logs import Event

PROGRAM = Path(poison_fleet.__file__)
BYSTANDERS = 60


@contextmanager
def fleet_of(server: RedisServer, url: str, **env: str) -> Iterator[Fleet]:
    """Two workers that die of poison."""
    config = redis_config(server.url, app(1, url), hang_seconds=3, in_flight=64)
    with Fleet(config, workers=2, program=PROGRAM, env=env) as fleet:
        yield fleet


def deaths(fleet: Fleet) -> list[dict[str, Any]]:
    """Ends of workers that nobody asked for."""
    return [one for one in fleet.events("process-ended") if one["level"] == "warning"]


async def letters(server: RedisServer) -> list[DeadLetter]:
    """All dead letters."""
    driver = RedisDriver(RedisSettings(url=server.url))
    await driver.open()
    try:
        return [
            letter
            for source in driver.sources
            for letter in (await source.dead_letters(None, 100)).letters
        ]
    finally:
        await driver.close()


def push(client: redis.Redis, poison: str) -> set[str]:
    """Jobs, and the poison in the middle of them; returns the channels of the others."""
    names = [f"by-{n}" for n in range(BYSTANDERS)]
    payloads = [job(name) for name in names]
    payloads.insert(BYSTANDERS // 2, job(poison))
    client.rpush(KEY, *payloads)
    return set(names)


@pytest.mark.parametrize(
    ("poison", "cause", "end", "most"),
    [
        ("poison-segv", "crash", "SIGSEGV", 2),
        ("poison-abort", "crash", "SIGABRT", 2),
        ("poison-exit", "crash", "exit 3", 2),
        ("poison-hang", "hung", "SIGKILL", 2),
        ("poison-kill", "killed", "SIGKILL", 3),
    ],
)
async def test_a_job_that_kills_its_worker_is_buried_with_the_proof(
    server: RedisServer, client: redis.Redis, poison: str, cause: str, end: str, most: int
) -> None:
    with Sink() as sink, fleet_of(server, sink.url) as fleet:
        names = push(client, poison)
        until(lambda: fleet.queue()["dead"] == 1, within=40, explain=fleet.log)
        until(lambda: sink.channels() >= names, within=20, explain=fleet.log)
        until(lambda: fleet.queue()["leased"] == 0, within=10, explain=fleet.log)
        assert sink.channels() == names
        ends = deaths(fleet)
        assert [one["cause"] for one in ends] == [cause] * most
        assert "alone" not in ends[0] or ends[0]["held"] > 1, "the first one was in company"
        (letter,) = await letters(server)
        assert letter.attempt == 1, "an interruption costs no attempt"
        assert letter.crashes == most
        assert letter.reason.startswith("poison: ")
        assert end in letter.reason
        assert f"crash {most} of it" in letter.reason
        assert {one["alone"] for one in ends[1:]} == {letter.id}
        if cause != "killed" and end != "exit 3":
            assert "poison_fleet.py" in letter.reason, "the frame that it died in"
            assert "poison_fleet.py" in ends[0]["stack"]
        status = fleet.status()
        assert status["totals"]["dead_poison"] == 1
        assert "poison" in [one["kind"] for one in status["problems"]]


async def test_memory_that_runs_out_is_no_different(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink() as sink, fleet_of(server, sink.url, POISON_MEMORY_BYTES=str(1 << 30)) as fleet:
        names = push(client, "poison-eat")
        until(lambda: fleet.queue()["dead"] == 1, within=40, explain=fleet.log)
        until(lambda: sink.channels() >= names, within=20, explain=fleet.log)
        assert len(deaths(fleet)) == 2
        (letter,) = await letters(server)
        assert "SIGABRT" in letter.reason
        assert letter.attempt == 1


async def test_a_job_that_the_kernel_ends_for_memory(
    server: RedisServer, client: redis.Redis
) -> None:
    """SIGKILL as well, but the kernel counts it: two deaths are enough."""
    with (
        memory_cgroup(400 << 20) as procs,
        Sink() as sink,
        fleet_of(server, sink.url, POISON_CGROUP=str(procs)) as fleet,
    ):
        names = push(client, "poison-eat")
        until(lambda: fleet.queue()["dead"] == 1, within=40, explain=fleet.log)
        until(lambda: sink.channels() >= names, within=20, explain=fleet.log)
        ends = [(one["cause"], one["exit"]) for one in deaths(fleet)]
        assert ends == [("oom", "SIGKILL")] * 2
        (letter,) = await letters(server)
        assert "ran out of memory (SIGKILL)" in letter.reason
        assert letter.attempt == 1


def test_kills_from_outside_bury_nobody(server: RedisServer, client: redis.Redis) -> None:
    """Ten workers die with jobs at a slow endpoint; each of these is delivered in the end."""
    slow = Rules(default=Rule(delay_seconds=0.05))
    with Sink({}, slow) as sink, fleet_of(server, sink.url) as fleet:
        client.rpush(KEY, *[job(f"c{n}") for n in range(4_000)])
        for _ in range(10):
            busy = until(
                lambda: [
                    one["pid"]
                    for one in fleet.status()["workers"]
                    if one["pid"] and one["state"] in SERVING and one["in_flight"]
                ],
                within=10,
                explain=fleet.log,
            )
            os.kill(busy[0], signal.SIGKILL)
            until(partial(gone, fleet, busy[0]), within=5, explain=fleet.log)
        until(lambda: len(sink.channels()) == 4_000, within=60, explain=fleet.log)
        until(lambda: fleet.queue()["leased"] == 0, within=10)
        assert fleet.queue()["dead"] == 0


def test_a_kill_from_outside_makes_nobody_a_suspect(
    server: RedisServer, client: redis.Redis
) -> None:
    """What was on the wire is sent again at once, together, and what waited goes on as before."""
    silent, quick = Rules(default=Rule(silent=True)), Rules()
    with Sink({}, silent) as sink, fleet_of(server, sink.url) as fleet:
        client.rpush(KEY, *[job(f"c{n}") for n in range(100)])
        until(lambda: sink.count == 32, within=10, explain=fleet.log)
        sink.set_rules(quick)
        for pid in fleet.worker_pids():
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(sink.channels()) == 100, within=10, explain=fleet.log)
        until(lambda: fleet.queue()["leased"] == 0, within=10)
        assert Event.JOBS_ALONE not in fleet.log()


def came(sink: Sink, count: int) -> bool:
    """Whether the other app's endpoint was sent so much."""
    return len(sink.to("/ok")) >= count


def gone(fleet: Fleet, pid: int) -> bool:
    """Whether a worker was reaped and another serves in its place."""
    workers = fleet.status()["workers"]
    serving = [one["pid"] for one in workers if one["pid"] and one["state"] in SERVING]
    return pid not in serving and len(serving) == 2


@pytest.mark.parametrize("endpoint", ["/quick", "/hang"])
def test_suspects_delay_other_endpoints_for_a_second(
    server: RedisServer, client: redis.Redis, endpoint: str
) -> None:
    """A worker crashes with 200 jobs on the wire; another app's jobs go on meanwhile."""
    hang = Rules(by_path={"/quick": Rule(silent=True), "/hang": Rule(silent=True)})
    quick = Rules(by_path={"/quick": Rule(delay_seconds=0.01), "/hang": Rule(silent=True)})
    with Sink({}, hang) as sink:
        config = redis_config(
            server.url,
            app(1, sink.url + endpoint),
            app(2, sink.url + "/ok"),
            in_flight=256,
            endpoint_in_flight=200,
        )
        with Fleet(config, workers=1) as fleet:
            (pid,) = fleet.worker_pids()
            client.rpush(KEY, *[job(f"s{n}") for n in range(200)])
            until(lambda: len(sink.to(endpoint)) == 200, within=10, explain=fleet.log)
            sink.set_rules(quick)
            os.kill(pid, signal.SIGSEGV)
            until(lambda: pid not in fleet.worker_pids() and fleet.worker_pids(), within=5)
            until(lambda: fleet.status()["workers"][0]["suspects"] > 0, within=5, explain=fleet.log)
            worst = 0.0
            for n in range(8):
                began = time.monotonic()
                client.rpush(KEY, job(f"ok-{n}", app=2))
                until(partial(came, sink, n + 1), within=10, explain=fleet.log)
                worst = max(worst, time.monotonic() - began)
            print(f"{endpoint}: the slowest job of another app took {worst:.2f} s")  # noqa: T201
            assert worst < 2.5, "a turn of the suspects, and a claim"
