"""The rules of ``sockq doctor`` about machine, configuration and endpoints, as tables."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sockq.drivers.hosts import is_local, is_private
from sockq.supervisor.doctor_config import config_findings
from sockq.supervisor.doctor_endpoints import endpoint_findings
from sockq.supervisor.doctor_finding import (
    Level,
    worst,
)
from sockq.supervisor.doctor_host import HostFacts, look_at_host, parse_span
from sockq.supervisor.doctor_limits import host_findings
from sockq.workers.app_shapes import read_app
from sockq.workers.apps import App, WebhookDefaults
from sockq.workers.endpoint_check import EndpointCheck
from sockq.workers.outcome import Fault

OK, WARNING, PROBLEM = Level


def level(findings: Any) -> Level:
    """The worst; whatever is not in order says what it means and what to change."""
    each = list(findings)
    assert all(one.what and one.means and one.change for one in each if one.level > OK)
    return worst(each)


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


def test_apps_without_webhooks() -> None:
    silent = [replace(app(), id=f"app-{n}", webhooks=()) for n in range(5)]
    times = {"lease_seconds": 30.0, "drain_seconds": 25.0, "hang_seconds": 15.0}
    assert level(config_findings([app()], [], store=False, **times)) is OK
    found = [
        one
        for one in config_findings([app(), *silent], [], store=False, **times)
        if one.level is WARNING
    ]
    assert [one.what for one in found] == [
        "5 apps without webhooks: app-0, app-1, app-2 and 2 more"
    ]
    assert found[0].change.startswith("give them webhooks")


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
