"""The whole configuration: real files to a fleet's settings, or every fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.configured import APP, apps, configured

from sockq.drivers.settings import MemorySettings, NoneSettings, RedisSettings, ReliabilitySettings
from sockq.supervisor.settings import Configuration, load

_TOML = """\
[queue]
driver = "redis"
[queue.redis]
concurrency = 3
prefix = "p:"
[database.redis]
host = "redis.internal"
password = "${REDIS_PASSWORD}"
[[app_manager.array.apps]]
id = "app-1"
key = "key-1"
secret = "hush-hush"
[[app_manager.array.apps.policy.webhooks]]
url = "http://h/in"
event_types = ["channel_occupied"]
[sockq]
in_flight = 7
"""


def redis(configuration: Configuration) -> RedisSettings:
    assert configuration.faults == ()
    assert configuration.fleet is not None
    assert isinstance(configuration.fleet.driver, RedisSettings)
    return configuration.fleet.driver


def test_a_toml_file_becomes_a_fleet(tmp_path: Path) -> None:
    path = tmp_path / "sockudo.toml"
    path.write_text(_TOML)
    found = load(path, {"REDIS_PASSWORD": "p w", "SOCKQ_DIR": "/tmp/sq-test"})
    driver = redis(found)
    assert driver.url == "redis://:p%20w@redis.internal:6379/0"
    assert driver.prefix == "p:"
    assert found.fleet is not None
    assert found.fleet.workers == 3
    assert found.fleet.directory == Path("/tmp/sq-test")
    assert found.fleet.worker.in_flight == 7
    assert [app.id for app in found.fleet.worker.apps] == ["app-1"]
    assert found.warnings == ()


def test_json_and_toml_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(_TOML)
    content = {
        "queue": {"driver": "redis", "redis": {"concurrency": 3, "prefix": "p:"}},
        "database": {"redis": {"host": "redis.internal", "password": "${REDIS_PASSWORD}"}},
        **apps({**APP, "policy": {"webhooks": APP["policy"]["webhooks"]}}),  # type: ignore[index]
        "sockq": {"in_flight": 7},
    }
    (tmp_path / "c.json").write_text(json.dumps(content))
    environ = {"REDIS_PASSWORD": "x", "SOCKQ_DIR": "/tmp/sq-test"}
    assert load(tmp_path / "c.json", environ).fleet == load(tmp_path / "c.toml", environ).fleet


@pytest.mark.parametrize(
    ("content", "environ", "kind", "origin"),
    [
        (None, {}, MemorySettings, "nothing is configured"),
        ({}, {}, RedisSettings, "no queue.driver in"),
        (None, {"REDIS_URL": "redis://h"}, RedisSettings, "REDIS_URL is set"),
        (None, {"DATABASE_REDIS_HOST": "h"}, RedisSettings, "DATABASE_REDIS_HOST is set"),
        (None, {"QUEUE_DRIVER": "NONE"}, NoneSettings, "QUEUE_DRIVER"),
        ({"queue": {"driver": "memory"}}, {}, MemorySettings, "sockudo.json"),
        ({"queue": {"driver": "memory"}}, {"QUEUE_DRIVER": "redis"}, RedisSettings, "QUEUE_DRIVER"),
    ],
)
def test_the_driver(
    tmp_path: Path, content: dict[str, Any] | None, environ: dict[str, str], kind: type, origin: str
) -> None:
    found = configured(tmp_path, content, environ)
    assert found.fleet is not None
    assert isinstance(found.fleet.driver, kind)
    assert origin in found.values["queue.driver"].origin


@pytest.mark.parametrize(
    ("content", "environ", "url"),
    [
        ({}, {}, "redis://127.0.0.1:6379/0"),
        ({}, {"REDIS_URL": "rediss://u:p@r:1/2"}, "rediss://u:p@r:1/2"),
        ({"database": {"redis": {"port": 7, "db": 3}}}, {}, "redis://127.0.0.1:7/3"),
        (
            {"database": {"redis": {"username": "u", "password": "p/@"}}},
            {},
            "redis://u:p%2F%40@127.0.0.1:6379/0",
        ),
        (
            {"database": {"redis": {"username": "u", "password": "p"}}},
            {"DATABASE_REDIS_USERNAME": ""},
            "redis://:p@127.0.0.1:6379/0",
        ),
        (
            {"database": {"redis": {"master_tls": {"enabled": True}}}},
            {},
            "rediss://127.0.0.1:6379/0",
        ),
        (
            {
                "queue": {"redis": {"url_override": "redis://over:1/0"}},
                "database": {"redis": {"host": "other"}},
            },
            {},
            "redis://over:1/0",
        ),
    ],
)
def test_the_redis_url(
    tmp_path: Path, content: dict[str, Any], environ: dict[str, str], url: str
) -> None:
    assert redis(configured(tmp_path, content, environ)).url == url


def test_tls_and_times_reach_the_driver(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    tls = {"enabled": True, "acceptInvalidCerts": True, "ca_path": str(tmp_path / "ca.pem")}
    content = {
        "queue": {
            "redis": {"response_timeout_ms": 250},
            "reliability": {"lease_duration_ms": 9000, "failed_retention": 5, "max_attempts": 7},
        },
        "database": {"redis": {"master_tls": tls}},
    }
    found = configured(tmp_path, content)
    driver = redis(found)
    assert (driver.tls.verify, driver.tls.ca_path) == (False, tmp_path / "ca.pem")
    assert driver.response_timeout_seconds == 0.25
    assert driver.reliability == ReliabilitySettings(max_attempts=7)
    assert (driver.lease.lease_seconds, driver.lease.dead_limit) == (9.0, 5)
    assert found.fleet is not None
    assert found.fleet.worker.lease_seconds == 9.0
    assert any("certificate of Redis is not checked" in line for line in found.warnings)


@pytest.mark.parametrize(
    "driver", ["nats", "pulsar", "rabbitmq", "google-pubsub", "kafka", "iggy", "sns"]
)
def test_a_queue_that_only_sockudo_reads_is_refused_by_name(tmp_path: Path, driver: str) -> None:
    found = configured(tmp_path, {"queue": {"driver": driver}}, {})
    assert found.fleet is None
    (fault,) = found.faults
    assert f"does not read {driver} queues; use one of memory, redis, redis-cluster, sqs" in fault


@pytest.mark.parametrize(
    ("content", "environ", "complaint"),
    [
        ({"queue": {"driver": "kafka"}}, {}, "does not read kafka queues; use one of memory"),
        (None, {"QUEUE_DRIVER": "rabbit-mq"}, "does not read rabbitmq queues"),
        (None, {"QUEUE_DRIVER": "pubsub"}, "does not read google-pubsub queues"),
        (
            {"app_manager": {"driver": "surrealdb"}},
            {},
            "does not read surrealdb app stores; use one of memory, mysql, pgsql, dynamodb",
        ),
        (None, {"APP_MANAGER_DRIVER": "scylladb"}, "does not read scylladb app stores"),
        (None, {"SOCKQ_DIR": "/" + "x" * 99}, "too long for Unix sockets"),
        ({"queue": {"redis": {"concurrency": 500}}}, {}, "more than the 127"),
        (
            {"database": {"redis": {"master_tls": {"enabled": True, "ca_path": "/none.pem"}}}},
            {},
            "there is no file /none.pem",
        ),
        (apps(1), {}, "expected a table, found 1"),
        (apps({"id": "a", "key": "k", "webhooks": []}), {}, "secret"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(
    tmp_path: Path, content: dict[str, Any] | None, environ: dict[str, str], complaint: str
) -> None:
    found = configured(tmp_path, content, environ)
    (fault,) = found.faults
    assert complaint in fault
    assert "\n" not in fault
    assert found.fleet is None


def test_a_kubernetes_service_called_soketi_is_no_soketi_configuration(tmp_path: Path) -> None:
    environ = {"SOKETI_PORT": "tcp://10.0.0.1:6001", "SOKETI_SERVICE_HOST": "10.0.0.1"}
    assert configured(tmp_path, None, environ).faults == ()


def test_faults_of_file_variables_and_apps_come_together(tmp_path: Path) -> None:
    content = {**apps({"id": 1}), "queue": {"driver": "rediss"}, "sockq": {"n_flight": 1}}
    found = configured(tmp_path, content, {"SOCKQ_WORKERS": "many"})
    text = "\n".join(found.faults)
    for part in ("rediss", "n_flight", "SOCKQ_WORKERS", "app_manager.array.apps[0]"):
        assert part in text
    assert len(found.faults) == len(set(found.faults)) >= 4


def test_a_missing_file_does_not_hide_other_faults() -> None:
    found = load(Path("/nowhere.toml"), {"SOCKQ_WORKERS": "0", "SOCKQ_DIR": "/tmp/sq-test"})
    assert len(found.faults) == 2


@pytest.mark.parametrize(
    ("content", "environ", "part"),
    [
        ({"queue": {"driver": "memory"}}, {}, "belongs to this fleet"),
        ({"queue": {"driver": "none"}}, {}, "nothing will be delivered"),
        ({}, {}, "there are no apps"),
        (
            {"database": {"redis": {"master_tls": {"enabled": True}}}},
            {"REDIS_URL": "redis://h"},
            "has no effect",
        ),
    ],
)
def test_a_queue_that_surprises_is_a_warning(
    tmp_path: Path, content: dict[str, Any], environ: dict[str, str], part: str
) -> None:
    assert part in "\n".join(configured(tmp_path, content, environ).warnings)


def test_nothing_that_is_kept_shows_a_secret(tmp_path: Path) -> None:
    content = {**apps(APP), "database": {"redis": {"password": "open-sesame"}}}
    found = configured(tmp_path, content, {"REDIS_URL": "redis://:swordfish@h"})
    for secret in ("hush-hush", "open-sesame", "swordfish"):
        assert secret not in repr(found)
