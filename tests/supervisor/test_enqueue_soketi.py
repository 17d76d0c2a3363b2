"""``sockq enqueue`` for a soketi configuration: the right one of six queues, a proof that holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from support.redis_fixtures import redis_prefix as redis_prefix  # noqa: PLC0414 - a fixture
from support.redis_fixtures import redis_server as redis_server  # noqa: PLC0414 - a fixture
from support.redis_server import RedisServer

from sockq.supervisor.job_events import make_event
from sockq.supervisor.soketi_events import SOKETI_EVENTS, make_soketi_job
from sockq.workers.dialect import parse
from sockq.workers.signing import verify
from sockq.workers.webhook_job import WebhookJob

SECRET = "hush-hush"


class Shop:
    """A configuration file, and the queues it means."""

    def __init__(self, server: RedisServer, prefix: str, directory: Path) -> None:
        self._prefix = prefix
        self._redis = redis.Redis.from_url(server.url)
        hook = {"url": "http://127.0.0.1:1/", "event_types": ["client_event"]}
        app = {"id": "app-1", "key": "key-1", "secret": SECRET, "webhooks": [hook]}
        self.config = directory / "soketi.json"
        self.config.write_text(
            json.dumps(
                {
                    "queue.driver": "redis",
                    "database.redis.port": server.port,
                    "database.redis.keyPrefix": prefix,
                    "appManager.array.apps": [app],
                }
            )
        )

    def enqueue(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-m", "sockq.supervisor", "enqueue", *args, "-c", str(self.config)],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=30,
            env=kept,
        )

    def job(self, queue: str) -> dict[Any, Any]:
        """The fields of the first job of a queue."""
        return self._redis.hgetall(f"{self._prefix}{queue}:1")


@pytest.fixture
def shop(redis_server: RedisServer, redis_prefix: str, tmp_path: Path) -> Shop:
    return Shop(redis_server, redis_prefix, tmp_path)


def test_a_made_job_is_in_its_queue_and_proven(shop: Shop) -> None:
    done = shop.enqueue(
        "--app", "app-1", "--event", "member_added", "--channel", "presence-ž", "--user", "7"
    )
    assert (done.returncode, done.stderr.count(b"\n")) == (0, 1), done.stderr
    assert b"no webhook of app" in done.stderr
    fields = shop.job("member_added_webhooks")
    assert fields[b"name"] == b"webhook"
    job = parse(fields[b"data"], "soketi")
    assert isinstance(job, WebhookJob)
    assert (job.app_id, job.app_key, job.app_secret) == ("app-1", "key-1", None)
    assert job.whole is not None
    assert job.proof is not None
    assert verify(SECRET, job.whole, job.proof)
    event = b'{"name":"member_added","channel":"presence-\xc5\xbe","user_id":"7"}'
    assert event in fields[b"data"]
    assert SECRET.encode() not in fields[b"data"]


def test_an_event_that_soketi_does_not_have_is_one_line_and_64(shop: Shop) -> None:
    done = shop.enqueue("--app", "app-1", "--event", "subscription_count", "--channel", "c")
    assert done.returncode == 64
    assert b"soketi has no event" in done.stderr
    assert b"cache_miss" in done.stderr


def test_lines_of_another_dialect_are_refused(shop: Shop) -> None:
    line = b'{"app_key":"k","app_id":"a","app_secret":"s","payload":{"time_ms":1,"events":[]}}'
    done = shop.enqueue("-", stdin=line)
    assert done.returncode == 64
    assert b"line 1" in done.stderr


def test_lines_keep_their_bytes(shop: Shop) -> None:
    event = make_event("cache_miss", "cache-c")
    line = make_soketi_job("app-1", "key-1", SECRET, event, 1_700_000_000_000)
    assert shop.enqueue("-", stdin=line + b"\n").returncode == 0
    assert shop.job("cache_miss_webhooks")[b"data"] == line
    assert b'"events":[{"name":"cache_miss","channel":"cache-c"}]' in line


@pytest.mark.parametrize("name", SOKETI_EVENTS)
def test_every_event_of_soketi_can_be_made(name: str) -> None:
    data = {"a": 1.0, "b": [2.5, 1e300], "c": "ž"} if name == "client_event" else {}
    event = make_event(name, "c", data if name == "client_event" else {})
    line = make_soketi_job("id", "key", SECRET, event, 1)
    job = parse(line, "auto")
    assert isinstance(job, WebhookJob)
    assert job.whole is not None
    assert job.proof is not None
    assert verify(SECRET, job.whole, job.proof)
    if name == "client_event":
        assert '"data":{"a":1,"b":[2.5,1e300],"c":"ž"}'.encode() in line
