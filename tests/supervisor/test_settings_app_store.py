"""The app store of a configuration: the servers' names and defaults, and what is told of it."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from support.configured import configured

from sockq.supervisor.settings_report import report
from sockq.workers.app_store import (
    DynamoStoreSettings,
    MySqlStoreSettings,
    PostgresStoreSettings,
    Shape,
)
from sockq.workers.apps import RetrySettings
from sockq.workers.settings import CacheSettings, WorkerSettings

SECRET = "pass-word-of-nobody"


def store(driver: str, **database: Any) -> dict[str, Any]:
    return {"app_manager": {"driver": driver}, "database": database}


def worker(
    tmp_path: Path, content: dict[str, Any], environ: dict[str, str] | None = None
) -> WorkerSettings:
    found = configured(tmp_path, content, environ)
    assert found.faults == ()
    assert found.fleet is not None
    return found.fleet.worker


def test_without_a_store_there_is_none(tmp_path: Path) -> None:
    assert worker(tmp_path, {}).app_store is None


def test_defaults_are_the_servers(tmp_path: Path) -> None:
    assert worker(tmp_path, store("mysql")).app_store == MySqlStoreSettings(
        host="localhost", port=3306, username="root", password="", database="sockudo",
        table="applications",
    )  # fmt: skip
    assert worker(tmp_path, store("pgsql")).app_store == PostgresStoreSettings(port=3306)
    assert worker(tmp_path, store("dynamodb")).app_store == DynamoStoreSettings(
        region="us-east-1", table="sockudo-applications"
    )


def test_the_port_that_is_not_postgresqls_is_pointed_out(tmp_path: Path) -> None:
    assert any("5432" in line for line in configured(tmp_path, store("pgsql")).warnings)
    given = store("pgsql", postgres={"port": 5432})
    assert not any("5432" in line for line in configured(tmp_path, given).warnings)


def test_a_store_given_in_file_and_variables(tmp_path: Path) -> None:
    content = store("mysql", mysql={"host": "db", "table_name": "apps", "pool_min": 2})
    content["webhooks"] = {"retry": {"max_attempts": 3}, "request_timeout_ms": 700}
    content["sockq"] = {"app_cache_seconds": 7}
    found = worker(tmp_path, content, {"DATABASE_MYSQL_PASSWORD": SECRET})
    assert found.app_store == MySqlStoreSettings(host="db", table="apps", password=SECRET)
    assert found.app_cache == CacheSettings(age_seconds=7.0)
    assert found.webhook_defaults.retry == RetrySettings(max_attempts=3)
    assert found.webhook_defaults.request_timeout_ms == 700


@pytest.mark.parametrize(("ttl", "seconds"), [(300, 300.0), (0, 1.0)])
def test_the_servers_own_age_of_apps_counts(tmp_path: Path, ttl: int, seconds: float) -> None:
    content = {"app_manager": {"driver": "mysql", "cache": {"enabled": True, "ttl": ttl}}}
    assert worker(tmp_path, content).app_cache.age_seconds == seconds
    assert worker(tmp_path, store("mysql")).app_cache.age_seconds == 60.0


def test_keys_of_the_file_give_way_to_those_of_the_surroundings(tmp_path: Path) -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": SECRET}
    content = store("dynamodb", dynamodb={**keys, "endpoint_url": "http://127.0.0.1:1"})
    own = worker(tmp_path, content).app_store
    assert own == DynamoStoreSettings(
        endpoint_url="http://127.0.0.1:1", access_key_id="AKID", secret_access_key=SECRET
    )
    around = worker(tmp_path, content, {"AWS_ACCESS_KEY_ID": "other"}).app_store
    assert around == DynamoStoreSettings(endpoint_url="http://127.0.0.1:1")


def test_soketis_stores(tmp_path: Path) -> None:
    content = {"queue.driver": "redis", "appManager.driver": "mysql"}
    assert worker(tmp_path, content).app_store == MySqlStoreSettings(
        host="127.0.0.1", password="password", database="main", table="apps", shape=Shape.SOKETI
    )
    environ = {
        "SOKETI_QUEUE_DRIVER": "redis",
        "SOKETI_APP_MANAGER_DRIVER": "postgres",
        "SOKETI_APP_MANAGER_POSTGRES_TABLE": "hooks",
        "SOKETI_DB_POSTGRES_PASSWORD": SECRET,
        "SOKETI_DB_POSTGRES_HOST": "db",
    }
    assert worker(tmp_path, {}, environ).app_store == PostgresStoreSettings(
        host="db", port=5432, username="postgres", password=SECRET, database="main",
        table="hooks", shape=Shape.SOKETI,
    )  # fmt: skip
    environ = {"SOKETI_QUEUE_DRIVER": "redis", "SOKETI_APP_MANAGER_DRIVER": "dynamodb"}
    assert worker(tmp_path, {}, environ).app_store == DynamoStoreSettings(
        table="apps", shape=Shape.SOKETI
    )


@pytest.mark.parametrize(("driver", "extra"), [("mysql", "mysql"), ("pgsql", "postgres")])
def test_a_missing_library_is_a_fault_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str, extra: str
) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in {"pymysql", "psycopg"} else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    (fault,) = configured(tmp_path, store(driver)).faults
    assert fault.startswith(f"app_manager.driver ({tmp_path / 'sockudo.json'}): the {driver} app")
    assert fault.endswith(f"pip install 'sockq[{extra}]'")


@pytest.mark.parametrize("name", ['a"b', "a b", "a;drop", "a.b.c", "1a", ""])
def test_a_postgresql_table_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (fault,) = configured(tmp_path, store("pgsql", postgres={"table_name": name})).faults
    assert "database.postgres.table_name" in fault


def test_the_report_shows_the_store_and_no_password(tmp_path: Path) -> None:
    content = store("pgsql", postgres={"port": 5432, "password": SECRET, "table_name": "s.apps"})
    found = configured(tmp_path, content)
    assert found.fleet is not None
    lines = report(found)
    (line,) = [line for line in lines if line.startswith("(app store in use)")]
    assert "pgsql root@localhost:5432/sockudo table s.apps" in line
    assert SECRET not in "\n".join(lines)
    assert SECRET not in repr(found.fleet)


def test_no_apps_are_no_surprise_with_a_store(tmp_path: Path) -> None:
    assert not any("no apps" in line for line in configured(tmp_path, store("mysql")).warnings)
