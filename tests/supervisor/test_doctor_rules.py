"""The rules of ``sockq doctor`` as tables: facts in, findings out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sockq.drivers.redis_facts import RedisFacts, RedisNode, RedisQueue
from sockq.drivers.sqs_inspect import SqsFacts
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
from sockq.supervisor.doctor_redis import redis_findings
from sockq.supervisor.doctor_servers import sockudo_findings, soketi_findings
from sockq.supervisor.doctor_sqs import sqs_findings

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
