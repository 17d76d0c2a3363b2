"""The HTTP child of real fleets: metrics, probes, a taken port, a parent that stands still."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from support.chaos import proc
from support.fleet import Fleet
from support.fleet_run import FleetRun
from support.http_get import Answer, counters, get, samples, value
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

ANY_PORT = ("--http", "127.0.0.1:0")
MEMORY: dict[str, object] = {"queue": {"driver": "memory"}}


def address(fleet: Fleet) -> str:
    """Where the fleet answers."""

    def now() -> str:
        told = fleet.status().get("http") or {}
        return told.get("address") or ""

    return until(now, 5.0, fleet.log)


def socket_of(fleet: Fleet) -> Path:
    return fleet.run_dir / "http.sock"


@pytest.fixture
def start(socket_dir: Path) -> Iterator[Callable[..., FleetRun]]:
    runs: list[FleetRun] = []

    def begin(**options: Any) -> FleetRun:
        runs.append(FleetRun(socket_dir, http=True, **options))
        return runs[-1]

    yield begin
    for run in runs:
        run.end()


def page(run: FleetRun, path: str) -> Answer | None:
    """None while the child is not there."""
    try:
        return get(run.directory / "http.sock", path)
    except OSError:
        return None


def test_metrics_of_real_deliveries(server: RedisServer, client: redis.Redis) -> None:
    rules = Rules(by_path={"/bad": Rule(status=404)})
    with Sink({"app-key": "app-secret", "key-2": "secret-2"}, rules) as sink:
        config = redis_config(server.url, app(1, sink.url + "/ok"), app(2, sink.url + "/bad"))
        with Fleet(config, workers=2, args=[*ANY_PORT, "--metrics-compat", "bull"]) as fleet:
            client.rpush(KEY, *[job(f"c{n}") for n in range(300)], job("x", app=2))
            until(lambda: fleet.status()["totals"]["jobs_delivered"] == 300, 10.0, fleet.log)
            until(lambda: fleet.status()["outcomes"]["4xx"] >= 1, 10.0, fleet.log)

            def told() -> bool:
                found = samples(get(address(fleet), "/metrics").text)
                return _attempts(found, "success") == 300 and _attempts(found, "retry") >= 1

            until(told, 5.0, fleet.log)
            answer = get(address(fleet), "/metrics")
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            found = samples(answer.text)
            assert value(found, "sockq_jobs_total", outcome="delivered") == 300
            assert value(found, "sockq_end_to_end_seconds_count") == 300
            assert value(found, "sockq_queue_wait_seconds_count") == 301
            assert value(found, "sockq_ready") == 1
            reused = value(found, "sockq_delivery_connections_total", reused="true")
            assert 0 < reused < 301
            assert value(found, "sockq_worker_resident_memory_bytes", worker="w00") > 5_000_000
            assert value(found, "sockq_worker_cpu_seconds_total", worker="w01") > 0
            for secret in ("app-secret", "secret-2", str(sink.port) + "/ok?"):
                assert secret not in answer.text
            document = json.loads(get(socket_of(fleet), "/status.json").body)
            assert document["totals"]["jobs_delivered"] == 300
            assert document["latency"]["end_to_end"]["count"] == 300
            assert {one["label"] for one in document["endpoints"]} == {
                sink.url + "/ok",
                sink.url + "/bad",
            }


def _attempts(found: dict[Any, float], outcome: str) -> float:
    return sum(
        number
        for (name, labels), number in found.items()
        if name == "sockq_delivery_attempts_total" and ("outcome", outcome) in labels
    )


def test_counters_never_go_back_over_a_hundred_worker_deaths(
    start: Callable[..., FleetRun],
) -> None:
    run = start(workers=4, behaviour={"*": "count"}, first_seconds=0.01, killed_seconds=0.01)
    until(lambda: page(run, "/metrics"), 5.0, lambda: run.stderr)
    before: dict[Any, float] = {}
    deaths = 0.0
    while deaths < 100:
        answer = page(run, "/metrics")
        assert answer is not None
        now = counters(answer.text)
        gone_back = [key for key, number in before.items() if now.get(key, -1.0) < number]
        assert gone_back == []
        before = now
        deaths = value(now, "sockq_worker_restarts_total", reason="killed")
    delivered = value(before, "sockq_jobs_total", outcome="delivered")
    ended = value(before, "sockq_end_to_end_seconds_count")
    assert delivered >= deaths
    assert abs(delivered - ended) <= 4  # of those that are between two steps now


def test_a_taken_port_is_a_warning_and_is_tried_again(socket_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        fleet = Fleet(MEMORY, workers=1, args=["--http", f"127.0.0.1:{port}"])
        with fleet:
            until(lambda: "http-not-served" in fleet.log(), 5.0)
            assert get(socket_of(fleet), "/readyz").status == 200
            assert fleet.status()["http"]["address"] is None
            assert fleet.status()["state"] == "RUNNING"
            taken.close()
            assert until(lambda: fleet.status()["http"]["address"], 10.0) == f"127.0.0.1:{port}"
            assert get(f"127.0.0.1:{port}", "/healthz").text == "ok\n"
    assert not socket_of(fleet).exists()


def test_it_answers_while_the_parent_stands_still_and_says_so() -> None:
    with Fleet(MEMORY, workers=1, args=ANY_PORT) as fleet:
        where = address(fleet)
        assert get(where, "/healthz").status == 200
        fleet.signal(signal.SIGSTOP)
        try:
            until(lambda: get(where, "/healthz").status == 503, 10.0)
            assert get(where, "/healthz").text.startswith("parent silent for ")
            assert get(where, "/readyz").status == 503
            document = json.loads(get(where, "/status.json").body)
            assert "parent-silent" in {one["kind"] for one in document["problems"]}
            found = samples(get(where, "/metrics").text)
            assert value(found, "sockq_parent_heartbeat_age_seconds") > 4
            assert value(found, "sockq_healthy") == 0
        finally:
            fleet.signal(signal.SIGCONT)
        until(lambda: get(where, "/readyz").status == 200, 10.0)


def test_readiness_follows_the_fleet(server: RedisServer, client: redis.Redis) -> None:
    with Sink({}, Rules(by_path={"/slow": Rule(delay_seconds=3.0)})) as sink:
        config = redis_config(server.url, app(1, sink.url + "/slow"))
        with Fleet(config, workers=1, args=ANY_PORT) as fleet:
            where = address(fleet)

            def says(word: str) -> bool:
                answer = get(where, "/readyz")
                return answer.status == 503 and word in answer.text

            until(lambda: get(where, "/readyz").status == 200, 5.0)
            fleet.signal(signal.SIGTSTP)
            until(lambda: says("paused"), 5.0)
            fleet.signal(signal.SIGCONT)
            until(lambda: get(where, "/readyz").status == 200, 5.0)
            server.kill()
            until(lambda: says("backend down"), 10.0)
            assert get(where, "/healthz").status == 200
            server.restart()
            until(lambda: get(where, "/readyz").status == 200, 15.0)
            client.rpush(KEY, job("c"))
            until(lambda: bool(sink.received), 5.0)
            fleet.signal(signal.SIGTERM)
            until(lambda: says("draining"), 3.0)
            assert fleet.wait() == 0


def test_a_crash_loop_is_not_ready(start: Callable[..., FleetRun]) -> None:
    run = start(workers=1, behaviour={"*": "3"}, first_seconds=0.01, cap_seconds=0.5)
    until(
        lambda: (answer := page(run, "/readyz")) is not None and "crash loop" in answer.text,
        10.0,
        lambda: run.stderr,
    )


def test_it_is_restarted_and_nobody_else_minds(start: Callable[..., FleetRun]) -> None:
    run = start(workers=2)
    run.until_serving(2)
    until(lambda: page(run, "/healthz"), 5.0)
    workers = {one["pid"] for one in run.status()["workers"]}
    first = run.pid("http")
    os.kill(first, signal.SIGKILL)
    until(lambda: run.pid("http") != first and page(run, "/readyz") is not None, 5.0)
    assert {one["pid"] for one in run.status()["workers"]} == workers
    second = run.pid("http")
    run.signal(signal.SIGKILL)
    until(lambda: not proc.is_running(second), 5.0)


def test_off_means_no_process_and_no_socket() -> None:
    with Fleet(MEMORY, workers=1) as fleet:
        assert [one["name"] for one in fleet.status()["helpers"]] == ["broker", "janitor"]
        assert fleet.status()["http"] is None
        assert not socket_of(fleet).exists()
