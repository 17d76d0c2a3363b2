"""soketi's queues with soketi's apps in a database: found by key, signatures checked."""

from __future__ import annotations

import json
import time

import pytest
from support.app_tables import insert, make_table
from support.fleet import Fleet
from support.lambda_server import LambdaServer
from support.redis_server import RedisServer
from support.sink import Sink
from support.sql_servers import DATABASE, PASSWORD, USER, MariaDb, Postgres, SqlServer
from support.until import until

from sockq.drivers.job import NewJob
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import BullmqSettings
from sockq.supervisor.job_events import make_event
from sockq.supervisor.soketi_events import make_soketi_job


async def enqueue(server: RedisServer, *jobs: bytes) -> None:
    driver = make_driver(BullmqSettings(url=server.url))
    await driver.open()
    try:
        (source,) = driver.sources
        await source.enqueue([NewJob(payload) for payload in jobs], 0.0)
    finally:
        await driver.close()


def job(key: str, secret: str, channel: str, app_id: str = "1") -> bytes:
    event = make_event("channel_occupied", channel)
    return make_soketi_job(app_id, key, secret, event, time.time_ns() // 1_000_000)


def environment(server: RedisServer, database: SqlServer) -> dict[str, str]:
    kind = "MYSQL" if isinstance(database, MariaDb) else "POSTGRES"
    return {
        "SOKETI_QUEUE_DRIVER": "redis",
        "SOKETI_DB_REDIS_PORT": server.url.rpartition(":")[2].partition("/")[0],
        "SOKETI_APP_MANAGER_DRIVER": kind.lower(),
        f"SOKETI_DB_{kind}_PORT": str(database.port),
        f"SOKETI_DB_{kind}_USERNAME": USER,
        f"SOKETI_DB_{kind}_PASSWORD": PASSWORD,
        f"SOKETI_DB_{kind}_DATABASE": DATABASE,
    }


@pytest.mark.parametrize("kind", [MariaDb, Postgres])
async def test_soketis_apps_in_a_database(
    server: RedisServer, kind: type[MariaDb | Postgres]
) -> None:
    with kind() as database, Sink({"app-key": "app-secret"}) as sink, LambdaServer() as functions:
        make_table(database, "apps", "soketi")
        keys = {"accessKeyId": "a", "secretAccessKey": "b"}
        options = {"endpoint": functions.url, "credentials": keys}
        hooks = [
            {"url": sink.url, "event_types": ["channel_occupied"]},
            {
                "lambda_function": "fn",
                "lambda": {"async": False, "client_options": options},
                "event_types": ["channel_occupied"],
            },
        ]
        insert(database, "apps", id="1", enabled=0, webhooks=json.dumps(hooks))
        good = job("app-key", "app-secret", "good")
        await enqueue(
            server,
            good,
            job("app-key", "forged", "tampered"),
            job("other-key", "app-secret", "unknown"),
        )
        with Fleet(
            {"sockq": {"unknown_app_grace_seconds": 1}},
            workers=1,
            env=environment(server, database),
        ) as fleet:
            until(
                lambda: fleet.queue()["dead"] == 2 and sink.count and functions.invoked,
                within=20,
                explain=lambda: f"{fleet.queue()}\n{fleet.log()}",
            )
            until(lambda: fleet.queue()["leased"] == 0, within=10)
            queue, log = fleet.queue(), fleet.log()
    assert (queue["ready"], queue["delayed"]) == (0, 0)
    (received,) = sink.received
    assert received.verdict.ok
    (invoked,) = functions.invoked
    given = json.loads(invoked.payload)
    assert (invoked.kind, invoked.function) == ("RequestResponse", "fn")
    assert given["payload"] == json.loads(good)["payload"]
    assert given["headers"]["X-Pusher-Key"] == "app-key"
    signature = next(v for k, v in received.headers if k.lower() == "x-pusher-signature")
    assert given["headers"]["X-Pusher-Signature"] == signature
    assert "tampered: " in log
    assert "unknown app 'other-key': neither the configuration nor" in log
    assert "table apps has this key" in log
    assert PASSWORD not in log
