"""The rules of ``sockq doctor`` as tables: facts in, findings out."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sockq.drivers.hosts import is_local, is_private
from sockq.drivers.redis_facts import RedisFacts, RedisNode, RedisQueue
from sockq.drivers.sqs_inspect import SqsFacts
from sockq.supervisor.doctor_config import config_findings
from sockq.supervisor.doctor_endpoints import endpoint_findings
from sockq.supervisor.doctor_finding import (
    Finding,
    Level,
    document,
    fine,
    problem,
    render,
    warning,
    worst,
)
from sockq.supervisor.doctor_host import HostFacts, look_at_host, parse_span
from sockq.supervisor.doctor_limits import host_findings
from sockq.supervisor.doctor_redis import redis_findings
from sockq.supervisor.doctor_servers import sockudo_findings, soketi_findings
from sockq.supervisor.doctor_sqs import sqs_findings
from sockq.workers.app_shapes import read_app
from sockq.workers.apps import App, WebhookDefaults
from sockq.workers.endpoint_check import EndpointCheck
from sockq.workers.outcome import Fault

OK, WARNING, PROBLEM = Level
NODE = RedisNode("10.0.0.5:6379", version="7.0.15", compatible=(7, 0, 15), policy="noeviction",
                 most_bytes=0, used_bytes=10, aof=True, snapshots=True, clock_ahead_seconds=0.0,
                 sockudo5=False, poppers=(), soketi_workers=())  # fmt: skip
FACTS = RedisFacts("10.0.0.5:6379", local=False, password=True, nodes=(NODE,))


def level(findings: Any) -> Level:
    """The worst; whatever is not in order says what it means and what to change."""
    each = list(findings)
    assert all(one.what and one.means and one.change for one in each if one.level > OK)
    return worst(each)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, OK),
        ({"version": "6.2.0", "compatible": (6, 2, 0)}, OK),
        ({"version": "6.0.16", "compatible": (6, 0, 16)}, PROBLEM),
        ({"version": "", "compatible": ()}, OK),
        ({"policy": None}, OK),
        ({"policy": "allkeys-lru", "most_bytes": 1000}, PROBLEM),
        ({"policy": "allkeys-lru"}, WARNING),
        ({"policy": "volatile-ttl", "most_bytes": 1000}, WARNING),
        ({"most_bytes": 100, "used_bytes": 91}, WARNING),
        ({"most_bytes": 100, "used_bytes": 90}, OK),
        ({"aof": False, "snapshots": False}, PROBLEM),
        ({"aof": False, "snapshots": True}, OK),
        ({"aof": False, "snapshots": None}, OK),
        ({"aof": True, "snapshots": False}, OK),
        ({"save_failed": True}, PROBLEM),
        ({"replica": True}, PROBLEM),
        ({"clock_ahead_seconds": 0.9}, OK),
        ({"clock_ahead_seconds": -1.0}, WARNING),
        ({"clock_ahead_seconds": 12.0}, PROBLEM),
        ({"clock_ahead_seconds": None}, OK),
    ],
)
def test_a_redis_server(more: dict[str, Any], expected: Level) -> None:
    assert level(redis_findings(replace(FACTS, nodes=(replace(NODE, **more),)))) is expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, OK),
        ({"password": False}, WARNING),
        ({"password": False, "local": True}, OK),
        ({"private": False}, WARNING),
        ({"private": False, "encrypted": True}, OK),
        ({"private": False, "encrypted": True, "verified": False}, WARNING),
        ({"denied": ("BLMOVE",), "user": "low"}, PROBLEM),
        ({"failure": "no Redis answers at h:1"}, PROBLEM),
        ({"failure": "Redis at h:1 denies access", "refused": True}, PROBLEM),
    ],
)
def test_the_way_to_redis(more: dict[str, Any], expected: Level) -> None:
    assert level(redis_findings(replace(FACTS, **more))) is expected


@pytest.mark.parametrize(
    ("node", "queue", "expected", "change"),
    [
        ({}, {}, OK, ""),
        ({"poppers": None}, {}, OK, ""),
        ({"poppers": ("10.0.0.9:1",)}, {}, PROBLEM, "QUEUE_REDIS_CONCURRENCY=0"),
        ({"poppers": ("10.0.0.9:1",), "sockudo5": True}, {}, WARNING, "ACL SETUSER"),
        ({"sockudo5": True}, {}, OK, ""),
        ({}, {"v2_foreign": 2}, WARNING, "ACL SETUSER"),
        ({}, {"lists": (("a", 3), ("b", 0)), "hosts": 1}, OK, ""),
        ({}, {"lists": (("a", 3), ("b", 0))}, WARNING, "sockq run"),
        ({}, {"lists": (("a", 0), ("b", 1)), "hosts": 1}, WARNING, "push to a"),
        ({}, {"lists": (("a", 1),), "hosts": 1, "v1_used": True, "v2_jobs": 1}, WARNING, "finish"),
        ({}, {"lists": (("a", 0),), "hosts": 1, "v1_used": True, "v2_jobs": 1}, OK, ""),
    ],
)
def test_sockudo_servers(
    node: dict[str, Any], queue: dict[str, Any], expected: Level, change: str
) -> None:
    facts = replace(FACTS, nodes=(replace(NODE, **node),), queue=RedisQueue(**queue))
    findings = list(sockudo_findings(facts, "sockudo_queue:", "webhooks"))
    assert level(findings) is expected
    assert any(change in one.change for one in findings) or not change


def test_a_cluster_has_its_own_variable() -> None:
    facts = replace(FACTS, kind="cluster", nodes=(replace(NODE, poppers=("h:1",)),))
    (found,) = sockudo_findings(facts, "p:", "webhooks")
    assert found.change.startswith("REDIS_CLUSTER_QUEUE_CONCURRENCY=0")


@pytest.mark.parametrize(
    ("mode", "workers", "expected"),
    [("full", (), OK), ("", None, OK), ("server", (), PROBLEM), ("full", ("h:1",), PROBLEM)],
)
def test_soketi_servers(mode: str, workers: tuple[str, ...] | None, expected: Level) -> None:
    facts = replace(FACTS, nodes=(replace(NODE, soketi_workers=workers),))
    assert level(soketi_findings(facts, mode)) is expected


SQS = SqsFacts("SQS in eu-west-1", "webhooks", visibility_seconds=30, retention_seconds=345_600)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, OK),
        ({"visibility_seconds": 10}, WARNING),
        ({"most_receives": 3}, WARNING),
        ({"most_receives": 100}, OK),
        ({"retention_seconds": 3600}, WARNING),
        ({"fifo": True, "deduplicates": True}, WARNING),
        ({"failure": "no queue", "refused": True, "missing": True}, WARNING),
        ({"failure": "no right", "refused": True}, PROBLEM),
        ({"failure": "no answer"}, PROBLEM),
    ],
)
def test_an_sqs_queue(more: dict[str, Any], expected: Level) -> None:
    facts = replace(SQS, **more)
    found = sqs_findings(facts, request_seconds=10.0, group="default", of_soketi=False)
    assert level(found) is expected


def test_a_fifo_queue_of_soketi_has_groups_of_its_own() -> None:
    facts = replace(SQS, fifo=True)
    found = sqs_findings(facts, request_seconds=10.0, group="default", of_soketi=True)
    assert level(found) is OK


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, OK),
        ({"files": None}, OK),
        ({"files": 256, "files_hard": 65_536}, WARNING),
        ({"files": 256, "files_hard": 256}, PROBLEM),
        ({"memory_together": True}, WARNING),
        ({"memory_bytes": 256 * 2**20}, WARNING),
        ({"memory_bytes": 400 * 2**20}, OK),
        ({"unit": "sockq.service", "oom_policy": "stop", "kill_mode": "mixed"}, PROBLEM),
        ({"unit": "sockq.service", "oom_policy": "continue", "kill_mode": "mixed"}, OK),
        ({"unit": "sockq.service", "kill_mode": "control-group"}, WARNING),
        ({"unit": "sockq.service", "stop_seconds": 60.0}, OK),
        ({"unit": "sockq.service", "stop_seconds": 59.0}, WARNING),
        ({"unit": "sockq.service", "stop_seconds": 25.0}, PROBLEM),
        ({"unit": "sockq.service", "stop_seconds": math.inf}, OK),
        ({"container": True, "first": True}, OK),
    ],
)
def test_the_machine(more: dict[str, Any], expected: Level) -> None:
    facts = replace(HostFacts(files=1024, files_hard=4096), **more)
    found = host_findings(
        facts, workers=5, in_flight=256, endpoint_in_flight=16, endpoints=0, drain_seconds=25.0
    )
    assert level(found) is expected


def test_few_endpoints_need_few_files() -> None:
    found = host_findings(
        HostFacts(files=256, files_hard=256), workers=5, in_flight=256, endpoint_in_flight=16,
        endpoints=2, drain_seconds=25.0,
    )  # fmt: skip
    assert level(found) is OK


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1min 5s", 65.0), ("90s", 90.0), ("500ms", 0.5), ("infinity", math.inf), ("", None),
     ("1h", 3600.0)],
)  # fmt: skip
def test_time_spans_of_systemd(text: str, seconds: float | None) -> None:
    assert parse_span(text) == seconds


def test_a_control_group_is_read(tmp_path: Path) -> None:
    group = tmp_path / "sys/fs/cgroup/system.slice/sockq.service"
    group.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/system.slice/sockq.service\n")
    (group / "memory.max").write_text("536870912\n")
    (group / "memory.oom.group").write_text("1\n")
    (tmp_path / ".dockerenv").touch()
    facts = look_at_host(tmp_path / "none", {}, tmp_path)
    assert (facts.memory_bytes, facts.memory_together) == (536_870_912, True)
    assert (facts.unit, facts.container, facts.pid) == ("", True, None)
    (group / "memory.max").write_text("max\n")
    assert look_at_host(tmp_path / "none", {}, tmp_path).memory_bytes is None


def app(**webhook: Any) -> App:
    raw = {"url": "https://hooks.example.com/in", "event_types": ["client_event"], **webhook}
    record = {"id": "a", "key": "k", "secret": "hush", "policy": {"webhooks": [raw]}}
    found, faults, _ = read_app(record, WebhookDefaults(), "x")
    assert found is not None, faults
    return found


@pytest.mark.parametrize(
    ("webhook", "more", "expected"),
    [
        ({}, {}, OK),
        ({"request_timeout_ms": 23_000}, {}, WARNING),
        ({"request_timeout_ms": 31_000}, {"drain_seconds": 60.0}, WARNING),
        ({"request_timeout_ms": 31_000}, {"drain_seconds": 60.0, "lease_seconds": 60.0}, OK),
        ({}, {"lease_seconds": 15.0}, WARNING),
        ({"url": "http://hooks.example.com/in"}, {}, WARNING),
        ({"url": "http://hooks/in"}, {}, OK),
        ({"url": "http://10.1.2.3/in"}, {}, OK),
    ],
)
def test_numbers_that_must_agree(
    webhook: dict[str, Any], more: dict[str, float], expected: Level
) -> None:
    times = {"lease_seconds": 30.0, "drain_seconds": 25.0, "hang_seconds": 15.0, **more}
    assert level(config_findings([app(**webhook)], [], store=False, **times)) is expected


def test_what_reading_warned_of_is_told_with_its_change() -> None:
    given = ["x.headers: Host is reserved and not sent; remove it", "it is odd"]
    first, second, *_ = config_findings(
        [], given, lease_seconds=30.0, drain_seconds=25.0, hang_seconds=15.0, store=True
    )
    assert (first.level, first.what) == (WARNING, "x.headers: Host is reserved and not sent")
    assert first.change == "remove it"
    assert (second.what, second.change) == ("it is odd", "")


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (EndpointCheck("https://h:443", 0.1, days=90.0), OK),
        (EndpointCheck("https://h:443", 0.1, days=20.0), WARNING),
        (EndpointCheck("https://h:443", 0.1, days=6.0), PROBLEM),
        (EndpointCheck("http://h:80", 0.1), OK),
        *((EndpointCheck("https://h:443", fault=fault, detail="why"), PROBLEM) for fault in Fault),
    ],
)
def test_endpoints(check: EndpointCheck, expected: Level) -> None:
    assert level(endpoint_findings([check])) is expected


@pytest.mark.parametrize(
    ("host", "local", "private"),
    [
        ("127.0.0.1", True, True), ("::1", True, True), ("localhost", True, True),
        ("10.0.0.5", False, True), ("redis", False, True), ("redis.prod.svc", False, True),
        ("8.8.8.8", False, False), ("redis.example.com", False, False),
        ("cache.internal.", False, True), ("fd00::5", False, True),
    ],
)  # fmt: skip
def test_hosts(host: str, local: bool, private: bool) -> None:
    assert (is_local(host), is_private(host)) == (local, private)


def test_the_worst_comes_first_and_each_is_one_line() -> None:
    findings = [
        fine("redis", "it answers"),
        warning("config", "odd\nthing", "it hurts", "change it"),
        problem("host", "bad", "it hurts more", "mend it"),
    ]
    assert render(findings).splitlines() == [
        "problem  host    bad: it hurts more",
        "                 change: mend it",
        "warning  config  odd thing: it hurts",
        "                 change: change it",
        "ok       redis   it answers",
        "1 problem, 1 warning, 1 found in order",
    ]
    told = document(findings)
    assert told["worst"] == "problem"
    assert [one["level"] for one in told["findings"]] == ["problem", "warning", "ok"]
    assert worst([]) is OK
    assert isinstance(findings[0], Finding)
