"""Apps of real MariaDB and PostgreSQL servers, in the tables of both kinds of servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.app_tables import insert, make_table, quote, store_of, store_settings
from support.sql_servers import PASSWORD, MariaDb, Postgres, SqlServer, free_port

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.workers.app_records import record_reader
from sockq.workers.app_store import AppStore, Shape
from sockq.workers.apps import App, AppReading, FunctionTarget, WebhookDefaults

HOOKS = [{"url": "http://h/in", "event_types": ["channel_occupied"], "headers": {"X-A": "1"}}]
SOKETI_HOOKS = [
    {
        "url": "http://h/in",
        "event_types": ["channel_occupied"],
        "headers": {"X-A": 1, "X-B": True},
        "filter": {"channel_name_starts_with": "private-", "channel_name_ends_with": ""},
    }
]
STORED_TRAP = [{**HOOKS[0], "headers": {"headers": {"X-A": "1"}}}]


@contextmanager
def opened(server: SqlServer, table: str, shape: Shape = Shape.SOCKUDO) -> Iterator[AppStore]:
    store = store_of(server, table, shape)
    try:
        yield store
    finally:
        store.close()


def read(
    server: SqlServer, table: str, name: str = "app-id", shape: Shape = Shape.SOCKUDO
) -> AppReading:
    reader = record_reader(store_settings(server, table, shape), WebhookDefaults())
    with opened(server, table, shape) as store:
        row = store.read(name)
        assert row is not None
        return reader(row)


def good(server: SqlServer, table: str, *args: Any) -> App:
    app, faults, warnings = read(server, table, *args)
    assert (faults, warnings) == ([], [])
    assert app is not None
    return app


def head(app: App) -> bytes:
    (webhook,) = app.webhooks
    assert webhook.endpoint is not None
    return webhook.endpoint.static_head


@pytest.mark.parametrize(
    "columns",
    [
        {"policy": json.dumps({"webhooks": HOOKS})},
        {"policy": json.dumps({"webhooks": HOOKS}), "webhooks": "[]"},
        {"policy": None, "webhooks": json.dumps(HOOKS)},
        {"policy": "null", "webhooks": json.dumps(HOOKS)},
        {"policy": None, "webhooks": json.dumps(STORED_TRAP)},
        {"policy": json.dumps({"webhooks": STORED_TRAP, "limits": {"max_connections": 1}})},
    ],
)
def test_rows_of_sockudo_4(sql_server: SqlServer, table: str, columns: dict[str, object]) -> None:
    make_table(sql_server, table)
    insert(sql_server, table, **columns)
    app = good(sql_server, table)
    assert (app.id, app.key, app.secret) == ("app-id", "app-key", "app-secret")
    assert b"X-A: 1\r\n" in head(app)
    assert list(app.by_event) == ["channel_occupied"]


@pytest.mark.parametrize("webhooks", [json.dumps(HOOKS), json.dumps(STORED_TRAP)])
def test_rows_of_sockudo_3(sql_server: SqlServer, table: str, webhooks: str) -> None:
    make_table(sql_server, table, "sockudo 3")
    insert(sql_server, table, webhooks=webhooks)
    assert b"X-A: 1\r\n" in head(good(sql_server, table))


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"webhooks": "null"},
        {"webhooks": "[]"},
        {"policy": "null", "webhooks": "null"},
        {"policy": '{"webhooks":null}'},
        {"policy": "{}", "webhooks": json.dumps(HOOKS)},
    ],
)
def test_apps_without_webhooks(
    sql_server: SqlServer, table: str, columns: dict[str, object]
) -> None:
    make_table(sql_server, table)
    insert(sql_server, table, **columns)
    assert good(sql_server, table).webhooks == ()


def test_an_app_that_is_not_enabled_is_one_all_the_same(sql_server: SqlServer, table: str) -> None:
    make_table(sql_server, table)
    insert(sql_server, table, enabled=False, webhooks=json.dumps(HOOKS))
    assert len(good(sql_server, table).webhooks) == 1


@pytest.mark.parametrize("name", ["", "nobody", "app-id' OR '1'='1", "app-key", "ünknown\\"])
def test_who_is_not_there(sql_server: SqlServer, table: str, name: str) -> None:
    make_table(sql_server, table)
    insert(sql_server, table)
    with opened(sql_server, table) as store:
        store.check()
        assert store.read(name) is None


def test_ids_of_any_characters(sql_server: SqlServer, table: str) -> None:
    make_table(sql_server, table)
    for number, name in enumerate(["a'b", 'a"b', "a\\b", "a%sb", "ä 😀"]):
        insert(sql_server, table, id=name, key=f"k{number}")
        assert good(sql_server, table, name).id == name


def test_faults_name_the_row_and_the_field(sql_server: SqlServer, table: str) -> None:
    make_table(sql_server, table)
    hooks = [{"url": "ftp://secret-host/", "event_types": ["a"]}]
    insert(sql_server, table, policy=json.dumps({"webhooks": hooks}))
    app, faults, _ = read(sql_server, table)
    assert app is None
    assert faults == [
        f"{table}[app-id].policy.webhooks[0].url: the URL's scheme is 'ftp'; use http or https"
    ]


def test_text_that_is_no_json(mariadb: MariaDb, table: str) -> None:
    make_table(mariadb, table)
    mariadb.execute(f"ALTER TABLE {table} MODIFY policy TEXT")
    insert(mariadb, table, policy="{oops")
    assert read(mariadb, table)[1] == [f"{table}[app-id]: policy is not JSON"]


def test_dates_that_python_does_not_know_are_nobodys_business(
    sql_server: SqlServer, table: str
) -> None:
    make_table(sql_server, table)
    odd = "0000-00-00 00:00:00" if isinstance(sql_server, MariaDb) else "infinity"
    insert(sql_server, table, created_at=odd)
    assert good(sql_server, table).id == "app-id"


# soketi


@pytest.mark.parametrize(
    "webhooks", [json.dumps(SOKETI_HOOKS), json.dumps(json.dumps(SOKETI_HOOKS))]
)
def test_soketis_rows_are_found_by_key(sql_server: SqlServer, table: str, webhooks: str) -> None:
    make_table(sql_server, table, "soketi")
    insert(sql_server, table, id="7", enabled=0, webhooks=webhooks)
    app = good(sql_server, table, "app-key", Shape.SOKETI)
    assert (app.id, app.key, app.secret) == ("7", "app-key", "app-secret")
    assert b"X-A: 1\r\nX-B: true\r\n" in head(app)
    (webhook,) = app.webhooks
    assert webhook.filter is not None
    assert webhook.filter.matches("private-x")
    assert not webhook.filter.matches("x")
    with opened(sql_server, table, Shape.SOKETI) as store:
        assert store.read("7") is None


def test_soketis_app_without_webhooks_has_none(sql_server: SqlServer, table: str) -> None:
    make_table(sql_server, table, "soketi")
    insert(sql_server, table)
    assert good(sql_server, table, "app-key", Shape.SOKETI).webhooks == ()


def test_soketis_function(sql_server: SqlServer, table: str) -> None:
    make_table(sql_server, table, "soketi")
    hook = {"lambda_function": "f", "lambda": {"async": True}, "event_types": ["a"]}
    insert(sql_server, table, webhooks=json.dumps([hook]))
    (webhook,) = good(sql_server, table, "app-key", Shape.SOKETI).webhooks
    assert webhook.function == FunctionTarget("f", wrapped=True, timeout_seconds=120.0)
    assert webhook.timeout_seconds == 10.0


# Trouble


def test_a_table_that_is_not_there_yet_is_waited_for(sql_server: SqlServer, table: str) -> None:
    with opened(sql_server, table) as store:
        with pytest.raises(BackendUnavailable, match=table):
            store.check()
        with pytest.raises(BackendUnavailable, match=table):
            store.read("x")
        make_table(sql_server, table)
        store.check()
        assert store.read("x") is None


@pytest.mark.parametrize(
    "changes", [{"password": "wrong"}, {"username": "nobody"}, {"database": "nowhere"}]
)
def test_what_can_never_be_read_is_refused(
    sql_server: SqlServer, table: str, changes: dict[str, Any]
) -> None:
    make_table(sql_server, table)
    store = store_of(sql_server, table, **changes)
    with pytest.raises(BackendRefused) as caught:
        store.check()
    text = str(caught.value)
    assert text.startswith(f"app store {sql_server.name} ")
    assert "\n" not in text
    assert PASSWORD not in text


def test_a_right_that_is_missing_is_refused(sql_server: SqlServer, table: str) -> None:
    make_table(sql_server, table)
    mark = quote(sql_server)
    host = "@'%'" if isinstance(sql_server, MariaDb) else ""
    user = f"u{table}"
    if isinstance(sql_server, MariaDb):
        sql_server.execute(f"CREATE USER {user}{host} IDENTIFIED BY 'p'")
        sql_server.execute(f"GRANT SELECT (id) ON {mark}{table}{mark} TO {user}{host}")
    else:
        sql_server.execute("RESET ROLE; CREATE USER " + user + " PASSWORD 'p'")
    store = store_of(sql_server, table, username=user, password="p")
    with pytest.raises(BackendRefused, match=r"denied"):
        store.read("app-id")
    store.close()


def test_nobody_at_the_port_is_an_outage(sql_server: SqlServer, table: str) -> None:
    store = store_of(sql_server, table, port=free_port())
    with pytest.raises(BackendUnavailable, match="refused"):
        store.read("app-id")


def test_connections_are_used_again_and_survive_their_loss(
    sql_server: SqlServer, table: str
) -> None:
    make_table(sql_server, table)
    insert(sql_server, table)
    with opened(sql_server, table) as store:
        idle: Any = store
        assert store.read("app-id") is not None
        first = idle._idle[0][0]
        assert store.read("app-id") is not None
        assert [connection for connection, _ in idle._idle] == [first]
        sql_server.kill()
        with pytest.raises(BackendUnavailable):
            store.read("app-id")
        assert not idle._idle
        sql_server.start()
        assert store.read("app-id") is not None
        second = idle._idle[0][0]
        sql_server.kill()
        sql_server.start()
        assert store.read("app-id") is not None, "a broken connection is replaced at once"
        assert idle._idle[0][0] is not second


def test_threads_have_connections_of_their_own(sql_server: SqlServer, table: str) -> None:
    make_table(sql_server, table)
    for number in range(20):
        insert(sql_server, table, id=f"a{number}", key=f"k{number}")
    found: list[str] = []
    with opened(sql_server, table) as store:

        def work(first: int) -> None:
            for number in range(first, 20, 4):
                row = store.read(f"a{number}")
                assert row is not None
                found.append(str(row["id"]))

        threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == sorted(f"a{number}" for number in range(20))


def test_a_postgresql_table_in_a_schema(postgres: Postgres, table: str) -> None:
    postgres.execute(f"CREATE SCHEMA s{table}")
    name = f's{table}."{table.upper()} x"'
    make_table(postgres, name)
    insert(postgres, name)
    assert good(postgres, name).id == "app-id"
