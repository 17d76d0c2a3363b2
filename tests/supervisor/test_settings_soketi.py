"""A soketi configuration: its file and its variables to a fleet's settings, or every fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.configured import configured

from sockq.drivers.settings import BullmqSettings, SentinelSettings, SqsSettings
from sockq.supervisor.run_command import announcement
from sockq.supervisor.settings import Configuration
from sockq.supervisor.settings_report import report
from sockq.supervisor.settings_table import SETTINGS_WITH_SOKETI

HOOK = {"url": "http://h/in", "event_types": ["client_event"]}
APP = {"id": "one", "key": "k1", "secret": "hush-hush", "webhooks": [HOOK]}
REDIS = {"SOKETI_QUEUE_DRIVER": "redis"}
SQS = {"SOKETI_QUEUE_DRIVER": "sqs", "SOKETI_QUEUE_SQS_URL": "https://sqs.eu/1/q.fifo"}


def bullmq(found: Configuration) -> BullmqSettings:
    assert found.faults == ()
    assert found.server == "soketi"
    assert found.fleet is not None
    assert isinstance(found.fleet.driver, BullmqSettings)
    return found.fleet.driver


def test_a_file_in_both_spellings_becomes_a_fleet(tmp_path: Path) -> None:
    content = {
        "mode": "full",
        "queue.driver": "redis",
        "queue": {"redis": {"concurrency": 3}},
        "database": {"redis": {"keyPrefix": "shop:", "port": 7}},
        "database.redis.host": "redis.internal",
        "appManager.array.apps": [APP],
        "sockq": {"in_flight": 7},
    }
    found = configured(tmp_path, content, {"SOKETI_MODE": "worker"})
    driver = bullmq(found)
    assert (driver.url, driver.prefix) == ("redis://redis.internal:7/0", "shop:")
    assert found.fleet is not None
    assert (found.fleet.workers, found.fleet.worker.in_flight) == (3, 7)
    assert found.fleet.worker.apps_by_key
    assert [app.key for app in found.fleet.worker.apps] == ["k1"]
    assert found.warnings == ()
    opening = announcement(found.fleet)[0]
    assert "3 workers, redis at redis.internal:7, soketi's queues shop:*_webhooks, 1 app" in opening


@pytest.mark.parametrize(
    ("environ", "workers"),
    [
        ({}, 1),
        ({"SOKETI_QUEUE_REDIS_CONCURRENCY": "4"}, 4),
        ({"SOKETI_QUEUE_REDIS_CONCURRENCY": "0"}, 8),
        ({"SOKETI_QUEUE_REDIS_CONCURRENCY": "4", "SOCKQ_WORKERS": "2"}, 2),
        ({"QUEUE_REDIS_CONCURRENCY": "5"}, 5),
        ({"QUEUE_REDIS_CONCURRENCY": "x", "SOKETI_QUEUE_REDIS_CONCURRENCY": "6"}, 6),
    ],
)
def test_concurrency_is_the_number_of_workers(
    tmp_path: Path, environ: dict[str, str], workers: int
) -> None:
    found = configured(tmp_path, None, REDIS | environ)
    assert found.faults == ()
    assert found.fleet is not None
    assert found.fleet.workers == workers


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "redis://127.0.0.1:6379/0"),
        ({"SOKETI_DB_REDIS_PASSWORD": "12345"}, "redis://:12345@127.0.0.1:6379/0"),
        ({"SOKETI_DB_REDIS_PASSWORD": '"a b"'}, "redis://:a%20b@127.0.0.1:6379/0"),
        (
            {"SOKETI_DB_REDIS_USERNAME": "u:x", "SOKETI_DB_REDIS_PASSWORD": "p/@"},
            "redis://u%3Ax:p%2F%40@127.0.0.1:6379/0",
        ),
        ({"SOKETI_DB_REDIS_DB": "3", "DB_REDIS_HOST": "bare"}, "redis://bare:6379/3"),
        (
            {
                "SOKETI_DB_REDIS_HOST": "h",
                "SOKETI_QUEUE_REDIS_OPTIONS": '{"host":"q","db":2,"port":"7","password":"z"}',
            },
            "redis://:z@q:7/2",
        ),
        ({"SOKETI_QUEUE_REDIS_OPTIONS": '{"tls":{}}'}, "rediss://127.0.0.1:6379/0"),
        ({"SOKETI_QUEUE_REDIS_OPTIONS": '{"keyPrefix":"gone"}'}, "redis://127.0.0.1:6379/0"),
    ],
)
def test_the_redis_url(tmp_path: Path, environ: dict[str, str], url: str) -> None:
    driver = bullmq(configured(tmp_path, None, REDIS | environ))
    assert (driver.url, driver.prefix) == (url, "")


def test_options_of_the_connection_reach_the_driver(tmp_path: Path) -> None:
    options = {
        "tls": {"rejectUnauthorized": False},
        "connectTimeout": 250,
        "commandTimeout": 1500,
        "enableReadyCheck": True,
        "bogus": 1,
    }
    found = configured(tmp_path, {"queue.redis.redisOptions": options}, REDIS)
    driver = bullmq(found)
    assert (driver.tls.verify, driver.connect_timeout_seconds) == (False, 0.25)
    assert driver.response_timeout_seconds == 1.5
    told = "\n".join(found.warnings)
    assert "redisOptions.bogus" in told
    assert "is not checked" in told
    assert "enableReadyCheck" not in told


@pytest.mark.parametrize(
    "access",
    [
        {"SOKETI_DB_REDIS_PASSWORD": "pw"},
        {"SOKETI_QUEUE_REDIS_OPTIONS": '{"redisOptions":{"password":"pw"}}'},
        {"SOKETI_DB_REDIS_CLUSTER_NODES": '[{"host":"a","port":7001,"password":"pw"}]'},
    ],
)
def test_a_cluster_takes_its_password_from_wherever_it_stands(
    tmp_path: Path, access: dict[str, str]
) -> None:
    environ = {
        "SOKETI_QUEUE_REDIS_CLUSTER_MODE": "true",
        "SOKETI_DB_REDIS_CLUSTER_NODES": '[{"host":"a","port":7001}]',
        "SOKETI_DB_REDIS_KEY_PREFIX": "{soketi}:",
    }
    found = configured(tmp_path, None, REDIS | environ | access)
    assert bullmq(found).nodes == ("redis://:pw@a:7001/0",)
    assert found.fleet is not None
    assert "redis cluster at a:7001, soketi's queues {soketi}:*" in announcement(found.fleet)[0]
    assert "redis://:***@a:7001/0" in "\n".join(report(found))


def test_sentinels_name_the_server(tmp_path: Path) -> None:
    environ = {
        "SOKETI_DB_REDIS_SENTINELS": '[{"host":"s1"},{"host":"s2","port":26380}]',
        "SOKETI_DB_REDIS_SENTINEL_PASSWORD": "sp",
        "SOKETI_DB_REDIS_INSTANCE_NAME": "main",
    }
    found = configured(tmp_path, None, REDIS | environ)
    nodes = (("s1", 26379), ("s2", 26380))
    assert bullmq(found).sentinel == SentinelSettings(nodes, "main", password="sp")
    assert found.fleet is not None
    assert "redis main (Sentinel s1:26379, s2:26380)" in announcement(found.fleet)[0]
    assert "main of Sentinel s1:26379, s2:26380" in "\n".join(report(found))


def test_sqs(tmp_path: Path) -> None:
    options = '{"region":"eu-west-1","endpoint":"localhost:4566","foo":1}'
    found = configured(tmp_path, None, SQS | {"SOKETI_QUEUE_SQS_CLIENT_OPTIONS": options})
    assert found.faults == ()
    assert found.fleet is not None
    driver = found.fleet.driver
    assert isinstance(driver, SqsSettings)
    assert (driver.queue_url, driver.fifo) == ("https://sqs.eu/1/q.fifo", True)
    assert (driver.region, driver.endpoint_url) == ("eu-west-1", "https://localhost:4566")
    assert (driver.dialect, driver.wait_time_seconds) == ("soketi", 20)
    assert found.fleet.workers == 8
    assert "clientOptions.foo" in "\n".join(found.warnings)


@pytest.mark.parametrize(
    ("content", "environ", "complaint"),
    [
        ({"appManager": {"driver": "array"}}, {}, "leaves no queue; set SOKETI_QUEUE_DRIVER=redis"),
        ({"queue.driver": "sync"}, {}, "leaves no queue"),
        (None, {"SOKETI_QUEUE_DRIVER": "kafka"}, "expected redis or sqs"),
        (None, REDIS | {"SOKETI_MODE": "full"}, "sockq is the worker fleet"),
        (None, REDIS | {"MODE": "server"}, "sockq is the worker fleet"),
        (None, REDIS | {"SOKETI_QUEUE_REDIS_OPTIONS": "[1]"}, "expected a table"),
        (None, REDIS | {"SOKETI_QUEUE_REDIS_OPTIONS": '{"port":0}'}, "from 1 to 65535"),
        (None, REDIS | {"SOKETI_QUEUE_REDIS_OPTIONS": '{"path":"/s"}'}, "Unix sockets"),
        (None, REDIS | {"SOKETI_QUEUE_REDIS_OPTIONS": '{"tls":{"ca":"x"}}'}, "SSL_CERT_FILE"),
        (None, REDIS | {"SOKETI_QUEUE_REDIS_OPTIONS": '{"host":"h:1"}'}, "it carries a port"),
        (None, REDIS | {"SOKETI_DB_REDIS_SENTINELS": '[{"port":1}]'}, "sentinels[0]"),
        (
            None,
            REDIS
            | {
                "SOKETI_QUEUE_REDIS_CLUSTER_MODE": "true",
                "SOKETI_DB_REDIS_CLUSTER_NODES": '["a:7001"]',
                "SOKETI_DB_REDIS_KEY_PREFIX": "shop:",
            },
            "SOKETI_DB_REDIS_KEY_PREFIX={shop}:",
        ),
        (
            None,
            REDIS
            | {
                "SOKETI_QUEUE_REDIS_CLUSTER_MODE": "true",
                "SOKETI_DB_REDIS_KEY_PREFIX": "{shop}:",
            },
            "clusterNodes is empty",
        ),
        (None, {"SOKETI_QUEUE_DRIVER": "sqs"}, "set SOKETI_QUEUE_SQS_URL"),
        (
            None,
            SQS | {"SOKETI_QUEUE_SQS_CLIENT_OPTIONS": '{"credentials":{}}'},
            "AWS_ACCESS_KEY_ID",
        ),
        ({"queue.driver": "redis", "sockq.wrkers": 1}, {}, "sockq.wrkers"),
        ({"queue.driver": "redis", "database": {"redis": 7}}, {}, "expected a table, found 7"),
        ({"queue.driver": "redis", "appManager.array.apps": [1]}, {}, "expected a table, found 1"),
        (
            {"queue.driver": "redis", "appManager.array.apps": [APP | {"secret": True}]},
            {},
            "apps[0]: secret is true or false",
        ),
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


def test_all_faults_come_together(tmp_path: Path) -> None:
    content = {"queue.driver": "redsi", "appManager.array.apps": [{"id": True}], "sockq.x": 1}
    environ = {"SOKETI_DB_REDIS_PORT": "x", "SOCKQ_WORKERS": "many"}
    text = "\n".join(configured(tmp_path, content, environ).faults)
    for part in ("redsi", "SOKETI_DB_REDIS_PORT", "SOCKQ_WORKERS", "sockq.x", "apps[0]"):
        assert part in text


@pytest.mark.parametrize(
    ("content", "environ", "keys"),
    [
        (None, {}, []),
        (None, {"SOKETI_DEFAULT_APP_WEBHOOKS": json.dumps([HOOK])}, ["app-key"]),
        (None, {"SOKETI_DEFAULT_APP_KEY": "mine"}, ["mine"]),
        ({"appManager.array.apps": [APP]}, {"SOKETI_DEFAULT_APP_KEY": "mine"}, ["mine"]),
        ({"appManager.array.apps": [APP, APP | {"key": "k2"}]}, {}, ["k1", "k2"]),
        ({"appManager.array.apps": [APP, APP | {"id": "two"}]}, {}, ["k1"]),
        ({"appManager.array.apps.0.key": "dotted"}, {}, ["dotted"]),
    ],
)
def test_the_apps(
    tmp_path: Path, content: dict[str, Any] | None, environ: dict[str, str], keys: list[str]
) -> None:
    found = configured(tmp_path, content, REDIS | environ)
    assert found.faults == ()
    assert [app.key for app in found.apps] == keys


def test_the_first_of_two_apps_with_one_key_counts_as_on_the_server(tmp_path: Path) -> None:
    found = configured(tmp_path, {"appManager.array.apps": [APP, APP | {"id": "two"}]}, REDIS)
    assert [app.id for app in found.apps] == ["one"]
    assert "appears twice; the first one counts" in "\n".join(found.warnings)


@pytest.mark.parametrize(
    ("content", "environ", "part"),
    [
        ({"mode": "server"}, {}, "enqueues nothing on Redis; set SOKETI_MODE=full"),
        ({}, {}, "there are no apps"),
        ({"appManager.array.apps": [APP | {"webhooks": []}]}, {}, "has no webhooks"),
        ({}, {"SOKETI_DEFAULT_APP_ID": "x"}, "secret is missing"),
    ],
)
def test_what_surprises_is_a_warning(
    tmp_path: Path, content: dict[str, Any], environ: dict[str, str], part: str
) -> None:
    found = configured(tmp_path, content, REDIS | environ)
    assert found.faults == ()
    assert part in "\n".join(found.warnings)


def test_every_setting_is_reported_and_no_secret(tmp_path: Path) -> None:
    secrets = ("app-hush", "db-hush", "options-hush", "sentinel-hush", "node-hush", "query-hush")
    hook = {"url": "http://h/x?token=query-hush", "event_types": ["client_event"]}
    content = {
        "queue": {"driver": "redis", "redis": {"redisOptions": {"password": "options-hush"}}},
        "database.redis.password": "db-hush",
        "database.redis.sentinelPassword": "sentinel-hush",
        "database.redis.clusterNodes": [{"host": "n", "port": 1, "password": "node-hush"}],
        "appManager.array.apps": [APP | {"secret": "app-hush"}],
    }
    environ = {"SOKETI_DEFAULT_APP_WEBHOOKS": json.dumps([hook])}
    found = configured(tmp_path, content, environ)
    text = "\n".join(report(found))
    assert found.faults == ()
    assert [secret for secret in secrets if secret in text + repr(found)] == []
    for setting in SETTINGS_WITH_SOKETI:
        assert (setting.path in text) == (setting.in_file or setting.path.endswith("WEBHOOKS"))
    assert "redis://:***@127.0.0.1:6379/0" in text
