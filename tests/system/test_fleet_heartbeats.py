"""Two real fleets on one Redis see each other; one that is killed is late, then lost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from signal import SIGKILL
from typing import Any

import pytest
from support.configured import APP, apps
from support.fleet import Fleet
from support.redis_server import RedisServer
from support.until import until

from sockq.drivers.settings import RedisSettings
from sockq.supervisor.fleet_view import read_fleet

BEAT_SECONDS = 0.25
pytestmark = pytest.mark.system


@pytest.fixture
def prefix() -> str:
    return "sq:"


def configuration(server: RedisServer, prefix: str) -> dict[str, Any]:
    url = server.url.replace("://", "://default:hush-hush@")
    queue = {"driver": "redis", "redis": {"prefix": prefix, "url_override": url}}
    return {**apps(APP), "queue": queue, "sockq": {"heartbeat_seconds": BEAT_SECONDS}}


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def status(fleet: Fleet, *args: str) -> subprocess.CompletedProcess[str]:
    config = ("--config", str(fleet.config_path))
    command = fleet.command("status", "--fleet", *config, *args)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


def test_a_host_that_is_killed_is_late_then_lost(server: RedisServer, prefix: str) -> None:
    config = configuration(server, prefix)
    settings = RedisSettings(url=server.url, prefix=prefix)

    def seen() -> list[str]:
        return sorted(host["seen"] for host in read_fleet(settings))

    with Fleet(config, workers=1) as one, Fleet(config, workers=2) as other:
        until(lambda: seen() == ["now", "now"])
        hosts = {host["pid"]: host for host in read_fleet(settings)}
        until(lambda: all(h["state"] == "RUNNING" for h in read_fleet(settings)))
        assert {one.pid, other.pid} == set(hosts)
        assert hosts[other.pid]["workers_wanted"] == 2
        assert status(one).returncode == 0

        other.signal_group(SIGKILL)
        other.wait()
        until(lambda: seen() == ["late", "now"])
        until(lambda: seen() == ["lost", "now"])

        shown = status(one)
        assert shown.returncode == 1
        assert "LOST" in shown.stdout
        document = json.loads(status(one, "--json").stdout)
        assert (document["state"], len(document["hosts"])) == ("DEGRADED", 2)
        everything = shown.stdout + json.dumps(document) + server.cli("HGETALL", _hash(server))
        assert "hush-hush" not in everything

        # Started anew in its directory it is the same host again, not a third one.
        other.start()
        until(lambda: seen() == ["now", "now"])
    # Those that were told to stop say goodbye.
    assert seen() == []


def _hash(server: RedisServer) -> str:
    (key,) = [key for key in server.cli("KEYS", "*:fleet").splitlines() if key]
    return key
