"""``sockq enqueue`` into a real Redis: the list a stock server would write, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.redis_fixtures import redis_prefix as redis_prefix  # noqa: PLC0414 - a fixture
from support.redis_fixtures import redis_server as redis_server  # noqa: PLC0414 - a fixture
from support.redis_server import RedisServer

from sockq.supervisor.job_events import make_event, make_job


class Shop:
    """A configuration file, and the queue it means."""

    def __init__(self, server: RedisServer, prefix: str, directory: Path) -> None:
        self._server = server
        self.key = f"{prefix}:queue:webhooks"
        self.config = directory / "sockudo.toml"
        self.config.write_text(
            f"""
            [queue.redis]
            prefix = "{prefix}"
            url_override = "{server.url}"
            [[app_manager.array.apps]]
            id = "app-1"
            key = "key-1"
            secret = "hush-hush"
            [[app_manager.array.apps.policy.webhooks]]
            url = "http://127.0.0.1:1/"
            event_types = ["client_event"]
            """
        )

    def enqueue(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "sockq.supervisor", "enqueue", *args]
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [*command, "--config", str(self.config)],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=30,
            env=kept,
        )

    def jobs(self) -> list[bytes]:
        return [line.encode() for line in self._server.cli("LRANGE", self.key, 0, -1).splitlines()]


@pytest.fixture
def shop(redis_server: RedisServer, redis_prefix: str, tmp_path: Path) -> Shop:
    return Shop(redis_server, redis_prefix, tmp_path)


def test_a_made_job_is_in_the_servers_list_and_the_line_says_where(shop: Shop) -> None:
    args = ("--app", "app-1", "--event", "client_event", "--channel", "private-x")
    done = shop.enqueue(*args, "--data", '{"a":[1,"ž"]}', "--count", "3")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"enqueued 3 jobs into {shop.key}\n"
    jobs = shop.jobs()
    assert len(jobs) == 3
    job = json.loads(jobs[0])
    keys = ["app_key", "app_id", "app_secret", "payload", "original_signature"]
    assert list(job) == keys
    assert (job["app_key"], job["app_secret"]) == ("key-1", "hush-hush")
    assert job["payload"]["events"][0]["data"] == {"a": [1, "ž"]}
    assert job["original_signature"] == "app-1:private-x:142857.285714:client_event"


def test_an_event_that_no_webhook_wants_is_enqueued_with_a_warning(shop: Shop) -> None:
    done = shop.enqueue("--app", "app-1", "--event", "cache_miss", "--channel", "cache-x")
    assert done.returncode == 0
    assert b"nothing will be sent" in done.stderr
    assert len(shop.jobs()) == 1


def test_lines_go_in_as_they_are_and_in_order(shop: Shop) -> None:
    made = [make_job("a", "k", "s", make_event("cache_miss", f"c{n}"), n) for n in range(1200)]
    odd = made[0].replace(b',"app_id"', b' , "app_id"')
    done = shop.enqueue("-", stdin=b"\n".join([odd, *made]))
    assert done.stderr == b""
    assert done.stdout.decode() == f"enqueued 1201 jobs into {shop.key}\n"
    assert shop.jobs() == [odd, *made]


def test_bad_lines_are_left_out_only_when_told(shop: Shop) -> None:
    good = make_job("a", "k", "s", make_event("cache_miss", "c"), 1)
    assert shop.enqueue("-", stdin=good + b"\nbad\n").returncode == 64
    assert shop.jobs() == []
    done = shop.enqueue("-", "--skip-bad", stdin=good + b"\nbad\n")
    assert done.returncode == 0
    assert b"line 2" in done.stderr
    assert shop.jobs() == [good]
