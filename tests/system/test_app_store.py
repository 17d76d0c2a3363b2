"""Fleets whose apps are in a database: its outage keeps jobs waiting, and loses none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from support.app_tables import insert, make_table, store_settings
from support.fleet import Fleet
from support.jobs import KEY, app, identity, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink
from support.sql_servers import PASSWORD, MariaDb, Postgres, SqlServer
from support.until import until

SECRETS = {identity(n)[1]: identity(n)[2] for n in range(1, 8)}


@pytest.fixture(params=[MariaDb, Postgres])
def database(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    """A server of its own: it is killed."""
    with request.param() as server:
        yield server


def config(server: RedisServer, database: SqlServer, *apps: Any, **own: object) -> dict[str, Any]:
    made: dict[str, Any] = redis_config(server.url, *apps, **own)
    made["app_manager"]["driver"] = database.name
    place = store_settings(database, "applications")
    section = "mysql" if isinstance(database, MariaDb) else "postgres"
    names = ("host", "port", "username", "password", "database")
    made["database"] = {section: {name: getattr(place, name) for name in names}}
    return made


def put(database: SqlServer, number: int, url: str) -> None:
    app_id, key, secret = identity(number)
    hooks = [{"url": url, "event_types": ["channel_occupied"]}]
    policy = json.dumps({"webhooks": hooks})
    insert(database, "applications", id=app_id, key=key, secret=secret, policy=policy)


def push(client: redis.Redis, app_number: int, count: int, prefix: str) -> set[str]:
    names = {f"{prefix}-{number}" for number in range(count)}
    client.rpush(KEY, *(job(name, app=app_number) for name in sorted(names)))
    return names


def test_an_outage_of_the_store_keeps_jobs_waiting(
    server: RedisServer, client: redis.Redis, database: SqlServer
) -> None:
    make_table(database, "applications")
    with Sink(SECRETS) as sink:
        put(database, 2, sink.url)
        put(database, 3, sink.url)
        wanted = config(server, database, app(1, sink.url), unknown_app_grace_seconds=1)
        with Fleet(wanted, workers=2) as fleet:
            pids = fleet.worker_pids()
            expected: set[str] = set()

            def both_have_met_the_app() -> bool:
                """Each remembers what it has asked for itself; one may be faster than the other."""
                if sink.channels() == expected:
                    expected.update(push(client, 2, 20, f"store-{len(expected)}"))
                return all(w["jobs_delivered"] for w in fleet.status()["workers"])

            until(both_have_met_the_app, within=20, explain=fleet.log)
            expected |= push(client, 1, 20, "file")
            until(lambda: sink.channels() == expected, within=20, explain=fleet.log)

            database.kill()
            # Of the file, remembered, and never heard of: only the last has to wait.
            expected |= push(client, 1, 20, "file-2") | push(client, 2, 50, "store-2")
            waiting = push(client, 3, 500, "waiting")
            until(lambda: sink.channels() >= expected, within=20, explain=fleet.log)
            until(lambda: "app-store-down" in fleet.log(), within=10)
            workers = fleet.status()["workers"]
            until(
                lambda: any(w["state"] == "degraded" for w in fleet.status()["workers"]),
                within=10,
                explain=lambda: str(workers),
            )
            until(
                lambda: (fleet.queue()["delayed"] or 0) > 0,
                within=10,
                explain=lambda: str(fleet.queue()),
            )
            assert sink.channels() == expected
            assert fleet.queue()["dead"] == 0

            database.start()
            expected |= waiting
            until(lambda: sink.channels() == expected, within=40, explain=fleet.log)
            until(lambda: "app-store-up" in fleet.log(), within=10)
            until(lambda: all(w["state"] == "ready" for w in fleet.status()["workers"]), within=10)
            assert fleet.worker_pids() == pids, "no worker died"
            log = fleet.log()
        assert all(received.verdict.ok for received in sink.received)
        assert sink.count == len(expected), "each exactly once"
        assert PASSWORD not in log
        assert log.count('"event":"app-store-down"') <= 2, "said once by each worker"


def test_unknown_and_unusable_apps_are_dead_letters_with_their_reasons(
    server: RedisServer, client: redis.Redis, database: SqlServer
) -> None:
    make_table(database, "applications")
    with Sink(SECRETS) as sink:
        put(database, 2, "ftp://nowhere/")
        wanted = config(server, database, unknown_app_grace_seconds=5)
        with Fleet(wanted, workers=1) as fleet:
            push(client, 2, 1, "faulty")
            push(client, 3, 1, "unknown")
            late = push(client, 4, 1, "late")
            until(lambda: fleet.queue()["dead"] == 1, within=10, explain=fleet.log)
            put(database, 4, sink.url)  # within its grace
            until(lambda: sink.channels() == late, within=10, explain=fleet.log)
            until(lambda: fleet.queue()["dead"] == 2, within=20, explain=fleet.log)
            log = fleet.log()
    assert "unusable app: applications[app-2].policy.webhooks[0].url: the URL's scheme" in log
    assert "unknown app 'app-3': neither the configuration nor" in log
    assert "applications has this id" in log


def test_a_fleet_starts_while_its_store_is_away(
    server: RedisServer, client: redis.Redis, database: SqlServer
) -> None:
    make_table(database, "applications")
    with Sink(SECRETS) as sink:
        put(database, 2, sink.url)
        database.kill()
        with Fleet(config(server, database, app(1, sink.url)), workers=1) as fleet:
            of_file = push(client, 1, 5, "file")
            of_store = push(client, 2, 5, "store")
            until(lambda: sink.channels() == of_file, within=10, explain=fleet.log)
            database.start()
            until(lambda: sink.channels() == of_file | of_store, within=30, explain=fleet.log)


def test_a_wrong_password_ends_the_start_with_78(
    server: RedisServer, client: redis.Redis, database: SqlServer
) -> None:
    wanted = config(server, database)
    section = "mysql" if isinstance(database, MariaDb) else "postgres"
    wanted["database"][section]["password"] = "wrong-one"
    fleet = Fleet(wanted, workers=1)
    fleet.launch()
    assert fleet.wait(30) == 78, fleet.log()
    assert f"app store {database.name} " in fleet.log()
    assert "wrong-one" not in fleet.log()
