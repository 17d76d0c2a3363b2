"""Defaults < file < variables < flags, for every setting; nothing falls back silently."""

from __future__ import annotations

from typing import Any

import pytest
from support.settings_layers import FILE, layers

from sockq.supervisor.settings_table import SETTINGS


def nested(path: str, value: object) -> dict[str, Any]:
    made: Any = value
    for part in reversed(path.split(".")):
        made = {part: made}
    assert isinstance(made, dict)
    return made


# path, value in the file, variable, its text, the value it gives
_EVERY = [
    ("queue.driver", "redis", "QUEUE_DRIVER", "memory", "memory"),
    ("queue.redis.concurrency", 7, "QUEUE_REDIS_CONCURRENCY", "9", 9),
    ("queue.redis.prefix", "a:", "QUEUE_REDIS_PREFIX", "b", "b"),
    ("queue.redis.url_override", "redis://a", "REDIS_URL", "redis://b:1/2", "redis://b:1/2"),
    ("queue.redis.response_timeout_ms", 1, "QUEUE_REDIS_RESPONSE_TIMEOUT_MS", "0", 0),
    ("queue.reliability.lease_duration_ms", 2000, "QUEUE_LEASE_DURATION_MS", "9000", 9000),
    ("queue.reliability.failed_retention", 1, "QUEUE_FAILED_RETENTION", "0", 0),
    ("queue.reliability.max_attempts", 1, "QUEUE_MAX_ATTEMPTS", "9", 9),
    ("queue.reliability.stalled_batch_size", 1, "QUEUE_STALLED_BATCH_SIZE", "9", 9),
    ("queue.reliability.completed_retention", 1, "QUEUE_COMPLETED_RETENTION", "0", 0),
    ("queue.reliability.event_retention", 1, "QUEUE_EVENT_RETENTION", "0", 0),
    ("queue.reliability.memory_capacity", 1, "QUEUE_MEMORY_CAPACITY", "5", 5),
    ("database.redis.host", "a", "DATABASE_REDIS_HOST", "rediss://b", "rediss://b"),
    ("database.redis.port", 1, "DATABASE_REDIS_PORT", "6380", 6380),
    ("database.redis.db", 1, "DATABASE_REDIS_DB", "2", 2),
    ("database.redis.username", "a", "DATABASE_REDIS_USERNAME", "b", "b"),
    ("database.redis.username", "a", "DATABASE_REDIS_USERNAME", "", None),
    ("database.redis.password", "a", "DATABASE_REDIS_PASSWORD", "b", "b"),
    (
        "queue.redis_cluster.nodes",
        ["redis://a"],
        "REDIS_CLUSTER_NODES",
        "redis://b, c:1",
        ["redis://b", "c:1"],
    ),
    (
        "queue.redis_cluster.nodes",
        ["redis://a"],
        "DATABASE_REDIS_CLUSTER_NODES",
        "redis://b",
        ["redis://b"],
    ),
    ("queue.redis_cluster.concurrency", 1, "REDIS_CLUSTER_QUEUE_CONCURRENCY", "0", 0),
    ("queue.redis_cluster.prefix", "a:", "REDIS_CLUSTER_QUEUE_PREFIX", "b", "b"),
    (
        "queue.redis_cluster.request_timeout_ms",
        1,
        "REDIS_CLUSTER_QUEUE_REQUEST_TIMEOUT_MS",
        "9",
        9,
    ),
    ("database.redis.cluster.username", "a", "DATABASE_REDIS_CLUSTER_USERNAME", "", None),
    ("database.redis.cluster.password", "a", "DATABASE_REDIS_CLUSTER_PASSWORD", "b", "b"),
    ("database.redis.cluster.use_tls", True, "DATABASE_REDIS_CLUSTER_USE_TLS", "off", False),
    ("database.redis.sentinel_username", "a", "DATABASE_REDIS_SENTINEL_USERNAME", "b", "b"),
    ("database.redis.sentinel_password", "a", "DATABASE_REDIS_SENTINEL_PASSWORD", "", None),
    (
        "database.redis.sentinel_tls.enabled",
        False,
        "DATABASE_REDIS_SENTINEL_TLS_ENABLED",
        "on",
        True,
    ),
    (
        "database.redis.sentinel_tls.accept_invalid_certs",
        True,
        "DATABASE_REDIS_SENTINEL_TLS_ACCEPT_INVALID_CERTS",
        "no",
        False,
    ),
    (
        "database.redis.sentinel_tls.ca_path",
        "/a",
        "DATABASE_REDIS_SENTINEL_TLS_CA_PATH",
        "/b",
        "/b",
    ),
    (
        "database.redis.sentinel_tls.client_cert_path",
        "/a",
        "DATABASE_REDIS_SENTINEL_TLS_CLIENT_CERT_PATH",
        "/b",
        "/b",
    ),
    (
        "database.redis.sentinel_tls.client_key_path",
        "/a",
        "DATABASE_REDIS_SENTINEL_TLS_CLIENT_KEY_PATH",
        "/b",
        "/b",
    ),
    ("database.redis.master_tls.enabled", False, "DATABASE_REDIS_MASTER_TLS_ENABLED", "on", True),
    (
        "database.redis.master_tls.accept_invalid_certs",
        True,
        "DATABASE_REDIS_MASTER_TLS_ACCEPT_INVALID_CERTS",
        "NO",
        False,
    ),
    ("database.redis.master_tls.ca_path", "/a", "DATABASE_REDIS_MASTER_TLS_CA_PATH", "/b", "/b"),
    (
        "database.redis.master_tls.client_cert_path",
        "/a",
        "DATABASE_REDIS_MASTER_TLS_CLIENT_CERT_PATH",
        "/b",
        "/b",
    ),
    (
        "database.redis.master_tls.client_key_path",
        "/a",
        "DATABASE_REDIS_MASTER_TLS_CLIENT_KEY_PATH",
        "/b",
        "/b",
    ),
    ("queue.sqs.region", "a", "QUEUE_SQS_REGION", "b", "b"),
    ("queue.sqs.visibility_timeout", 1, "QUEUE_SQS_VISIBILITY_TIMEOUT", "45", 45),
    ("queue.sqs.endpoint_url", "http://a", "QUEUE_SQS_ENDPOINT_URL", "http://b:1", "http://b:1"),
    ("queue.sqs.max_messages", 1, "QUEUE_SQS_MAX_MESSAGES", "9", 9),
    ("queue.sqs.wait_time_seconds", 1, "QUEUE_SQS_WAIT_TIME_SECONDS", "0", 0),
    ("queue.sqs.concurrency", 1, "QUEUE_SQS_CONCURRENCY", "0", 0),
    ("queue.sqs.fifo", False, "QUEUE_SQS_FIFO", "yes", True),
    ("app_manager.driver", "memory", "APP_MANAGER_DRIVER", "postgresql", "pgsql"),
    ("database.mysql.host", "a", "DATABASE_MYSQL_HOST", "b", "b"),
    ("database.mysql.port", 1, "DATABASE_MYSQL_PORT", "3307", 3307),
    ("database.mysql.username", "a", "DATABASE_MYSQL_USERNAME", "b", "b"),
    ("database.mysql.password", "", "DATABASE_MYSQL_PASSWORD", "b", "b"),
    ("database.mysql.database", "a", "DATABASE_MYSQL_DATABASE", "b", "b"),
    ("database.mysql.table_name", "a", "DATABASE_MYSQL_TABLE_NAME", "b", "b"),
    ("database.postgres.host", "a", "DATABASE_POSTGRES_HOST", "b", "b"),
    ("database.postgres.port", 1, "DATABASE_POSTGRES_PORT", "5432", 5432),
    ("database.postgres.username", "a", "DATABASE_POSTGRES_USERNAME", "b", "b"),
    ("database.postgres.password", "", "DATABASE_POSTGRES_PASSWORD", "b", "b"),
    ("database.postgres.database", "a", "DATABASE_POSTGRES_DATABASE", "b", "b"),
    ("database.dynamodb.region", "a", "DATABASE_DYNAMODB_REGION", "b", "b"),
    ("database.dynamodb.table_name", "a", "DATABASE_DYNAMODB_TABLE_NAME", "b", "b"),
    (
        "database.dynamodb.endpoint_url",
        None,
        "DATABASE_DYNAMODB_ENDPOINT_URL",
        "http://b",
        "http://b",
    ),
    ("sockq.workers", 1, "SOCKQ_WORKERS", "2", 2),
    ("sockq.in_flight", 1, "SOCKQ_IN_FLIGHT", "2", 2),
    ("sockq.http.address", "0.0.0.0:80", "SOCKQ_HTTP", "off", "off"),
    ("sockq.http.enabled", False, "SOCKQ_HTTP_ENABLED", "yes", True),
    ("sockq.http.metrics_compat", "bull", "SOCKQ_METRICS_COMPAT", "bullmq", "bullmq"),
    ("sockq.endpoint_in_flight", 1, "SOCKQ_ENDPOINT_IN_FLIGHT", "2", 2),
    ("sockq.lease_seconds", 1, "SOCKQ_LEASE_SECONDS", "2.5", 2.5),
    ("sockq.drain_seconds", 1.5, "SOCKQ_DRAIN_SECONDS", "2", 2.0),
    ("sockq.unknown_app_grace_seconds", 1, "SOCKQ_UNKNOWN_APP_GRACE_SECONDS", "0", 0.0),
    ("sockq.log_success", 0.25, "SOCKQ_LOG_SUCCESS", "0.5", 0.5),
    ("sockq.app_cache_seconds", 1, "SOCKQ_APP_CACHE_SECONDS", "2", 2.0),
    ("sockq.heartbeat_seconds", 1, "SOCKQ_HEARTBEAT_SECONDS", "2", 2.0),
    ("sockq.dead_limit", 1, "SOCKQ_DEAD_LIMIT", "0", 0),
    ("sockq.dead_days", 1, "SOCKQ_DEAD_DAYS", "0", 0),
    ("sockq.dir", "/a", "SOCKQ_DIR", "/b", "/b"),
    ("sockq.memory_capacity", 1, "SOCKQ_MEMORY_CAPACITY", "2", 2),
    ("sockq.connect_timeout_seconds", 1, "SOCKQ_CONNECT_TIMEOUT_SECONDS", ".5", 0.5),
    ("sockq.redis_connect_timeout_seconds", 1, "SOCKQ_REDIS_CONNECT_TIMEOUT_SECONDS", "2", 2.0),
    ("sockq.idle_seconds", 1, "SOCKQ_IDLE_SECONDS", "2", 2.0),
    ("sockq.hang_seconds", 1, "SOCKQ_HANG_SECONDS", "2", 2.0),
    ("sockq.on_parent_death", "kill", "SOCKQ_ON_PARENT_DEATH", "give_back", "give-back"),
    ("sockq.give_up_seconds", 1, "SOCKQ_GIVE_UP_SECONDS", "2", 2.0),
    ("sockq.recycle_jobs", 1, "SOCKQ_RECYCLE_JOBS", "2", 2),
    ("sockq.recycle_growth_mb", 1, "SOCKQ_RECYCLE_GROWTH_MB", "2", 2),
    ("sockq.recycle_seconds", 1, "SOCKQ_RECYCLE_SECONDS", "2", 2.0),
    ("sockq.stopped_seconds", 1, "SOCKQ_STOPPED_SECONDS", "2", 2.0),
    ("sockq.soak_seconds", 1, "SOCKQ_SOAK_SECONDS", "2", 2.0),
    ("sockq.boot_seconds", 1, "SOCKQ_BOOT_SECONDS", "2", 2.0),
]


@pytest.mark.parametrize(("path", "in_file", "variable", "text", "value"), _EVERY)
def test_a_variable_counts_before_the_file_and_the_file_before_the_default(
    path: str, in_file: object, variable: str, text: str, value: object
) -> None:
    only_file = layers(nested(path, in_file))
    both = layers(nested(path, in_file), {variable: text})
    assert (only_file.faults, both.faults) == ([], [])
    assert only_file[path] == in_file
    assert only_file.values[path].origin == FILE
    assert both[path] == value
    assert both.values[path].origin == variable


def test_the_table_above_knows_every_variable_that_a_file_can_be_overruled_by() -> None:
    tested = {row[2] for row in _EVERY}
    assert tested == {name for setting in SETTINGS if setting.in_file for name in setting.env}


def test_defaults_are_the_servers() -> None:
    found = layers({})
    assert found.faults == []
    assert found["queue.redis.prefix"] == "sockudo_queue:"
    assert found["queue.redis.concurrency"] == 5
    assert found["queue.redis.response_timeout_ms"] == 5000
    assert found["webhooks.request_timeout_ms"] == 10_000
    assert found["webhooks.retry.max_elapsed_time_ms"] == 300_000
    assert found["sockq.in_flight"] == 256
    assert all(value.layer == "default" for value in found.values.values())


def test_a_flag_counts_before_everything() -> None:
    found = layers({"sockq": {"workers": 1}}, {"SOCKQ_WORKERS": "2"}, {"sockq.workers": "3"})
    assert found["sockq.workers"] == 3
    assert found.values["sockq.workers"].origin == "--workers"


def test_an_empty_variable_is_not_set() -> None:
    found = layers({"queue": {"redis": {"concurrency": 7}}}, {"QUEUE_REDIS_CONCURRENCY": ""})
    assert (found["queue.redis.concurrency"], found.faults) == (7, [])


def test_unknown_keys_of_the_server_are_left_alone() -> None:
    content = {"queue": {"kafka": {"x": 1}, "redis": {"new": 1}}, "adapter": {"driver": "local"}}
    assert layers(content).faults == []


def test_own_settings_follow_the_servers_where_nobody_sets_them() -> None:
    server = {"lease_duration_ms": 45_000, "failed_retention": 7, "memory_capacity": 8}
    found = layers({"queue": {"reliability": server}, "sockq": {"memory_capacity": 9}})
    assert found["sockq.lease_seconds"] == 45.0
    assert "queue.reliability.lease_duration_ms" in found.values["sockq.lease_seconds"].origin
    assert found["sockq.dead_limit"] == 7
    assert found["sockq.memory_capacity"] == 9
