"""``sockq doctor`` against real Redis servers with one fault each, set up for real."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.configured import APP, apps
from support.redis_server import RedisServer
from support.until import until

from sockq.supervisor.doctor import examine
from sockq.supervisor.doctor_finding import Finding, Level, document, render
from sockq.supervisor.settings import load

SECRET = "hush-hush"
LIST = "sq::queue:webhooks"


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    with RedisServer("--appendonly", "yes") as server:
        yield server


@pytest.fixture
def redis(shared: RedisServer) -> RedisServer:
    shared.cli("FLUSHALL")
    shared.cli("SCRIPT", "FLUSH")
    shared.cli("CONFIG", "SET", "appendonly", "yes")
    shared.cli("CONFIG", "SET", "maxmemory", "0")
    shared.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
    return shared


def config(url: str) -> dict[str, Any]:
    queue = {"driver": "redis", "redis": {"prefix": "sq:", "url_override": url}}
    return {**apps(APP), "queue": queue}


def soketi(server: RedisServer, **more: Any) -> dict[str, Any]:
    app = {"id": "app-1", "key": "key-1", "secret": SECRET,
           "webhooks": [{"url": "http://h/in", "event_types": ["channel_occupied"]}]}  # fmt: skip
    redis = {"host": "127.0.0.1", "port": server.port, "keyPrefix": "sk:"}
    return {
        "queue.driver": "redis", "database.redis": redis, "appManager.array.apps": [app], **more,
    }  # fmt: skip


def look(tmp_path: Path, content: dict[str, Any]) -> tuple[list[Finding], int]:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    configuration = load(path, {"SOCKQ_DIR": str(tmp_path / "run")}, cores=2)
    assert not configuration.faults
    findings, code = examine(configuration, endpoints=False)
    shown = render(findings) + json.dumps(document(findings))
    assert SECRET not in shown
    return findings, code


def bad(findings: list[Finding], about: str = "") -> list[Finding]:
    return [
        one
        for one in findings
        if one.level > Level.OK and one.about in ((about,) if about else ("redis", "servers"))
    ]


def only(findings: list[Finding]) -> Finding:
    (found,) = bad(findings)
    assert found.change
    assert found.means
    return found


@contextmanager
def client(server: RedisServer, *command: str, name: str = "") -> Iterator[None]:
    """A client that has sent a command which blocks."""
    with socket.create_connection(("127.0.0.1", server.port), 5.0) as connection:
        for words in ([("CLIENT", "SETNAME", name)] if name else []) + [command]:
            sent = b"".join(b"$%d\r\n%b\r\n" % (len(w), w.encode()) for w in words)
            connection.sendall(b"*%d\r\n" % len(words) + sent)
        until(lambda: f"cmd={command[0].lower()} " in server.cli("CLIENT", "LIST"))
        yield


def test_a_sound_redis_has_nothing_to_mend(redis: RedisServer, tmp_path: Path) -> None:
    findings, _ = look(tmp_path, config(redis.url))
    assert bad(findings) == []
    assert any("answers in" in one.what for one in findings)


@pytest.mark.parametrize(
    ("policy", "most", "level"),
    [
        ("allkeys-lru", "100mb", Level.PROBLEM),
        ("allkeys-random", "0", Level.WARNING),
        ("volatile-lru", "100mb", Level.WARNING),
    ],
)
def test_a_redis_that_throws_keys_away(
    redis: RedisServer, tmp_path: Path, policy: str, most: str, level: Level
) -> None:
    redis.cli("CONFIG", "SET", "maxmemory-policy", policy)
    redis.cli("CONFIG", "SET", "maxmemory", most)
    findings, code = look(tmp_path, config(redis.url))
    found = only(findings)
    assert (found.level, "noeviction" in found.change, policy in found.what) == (level, True, True)
    assert code >= level


def test_a_redis_that_keeps_nothing_on_disk(redis: RedisServer, tmp_path: Path) -> None:
    redis.cli("CONFIG", "SET", "appendonly", "no")
    findings, code = look(tmp_path, config(redis.url))
    found = only(findings)
    assert found.level is Level.PROBLEM
    assert "appendonly yes" in found.change
    assert code == 2


def test_workers_inside_sockudo_4_servers(redis: RedisServer, tmp_path: Path) -> None:
    with client(redis, "BLPOP", LIST, "0"):
        findings, code = look(tmp_path, config(redis.url))
    found = only(findings)
    assert found.change.startswith("QUEUE_REDIS_CONCURRENCY=0")
    assert "127.0.0.1:" in found.what
    assert code == 2


def test_sockq_itself_is_not_taken_for_a_server(redis: RedisServer, tmp_path: Path) -> None:
    with client(redis, "BLPOP", "sq:v2:{webhooks}:notify", "0", name="sockq"):
        findings, _ = look(tmp_path, config(redis.url))
    assert bad(findings) == []


def test_workers_inside_sockudo_5_servers(redis: RedisServer, tmp_path: Path) -> None:
    redis.cli("HSET", "sq:v2:{webhooks}:tokens", "job-1", f"{'0' * 32}:1")
    findings, _ = look(tmp_path, config(redis.url))
    found = only(findings)
    assert found.change.startswith("ACL SETUSER sockudo-producer")
    assert redis.cli("ACL", "SETUSER", "x", *shlex.split(found.change)[3:]) == "OK"


def test_leases_of_sockq_are_not_taken_for_a_servers(redis: RedisServer, tmp_path: Path) -> None:
    redis.cli("HSET", "sq:v2:{webhooks}:tokens", "job-1", "host-w00-1 0123456789abcdef:1")
    assert bad(look(tmp_path, config(redis.url))[0]) == []


def test_jobs_under_the_key_of_the_documentation(redis: RedisServer, tmp_path: Path) -> None:
    redis.cli("RPUSH", "sq:queue:webhooks", "{}")
    findings, _ = look(tmp_path, config(redis.url))
    texts = [one.what + one.change for one in bad(findings)]
    assert any(f"push to {LIST}" in text for text in texts)
    assert any("no sockq fleet takes them" in text for text in texts)


def test_both_layouts_in_use(redis: RedisServer, tmp_path: Path) -> None:
    redis.cli("RPUSH", LIST, "{}")
    redis.cli("LPUSH", "sq:v2:{webhooks}:wait", "job-1")
    texts = [one.what for one in bad(look(tmp_path, config(redis.url))[0])]
    assert any("both the list" in text for text in texts)


def test_a_wrong_password(redis: RedisServer, tmp_path: Path) -> None:
    url = redis.url.replace("://", f"://nobody:{SECRET}@")
    findings, code = look(tmp_path, config(url))
    assert "denies access" in only(findings).what
    assert code == 78


def test_a_user_without_the_rights(redis: RedisServer, tmp_path: Path) -> None:
    redis.cli("ACL", "SETUSER", "low", "on", f">{SECRET}", "~*", "+@all", "-blmove", "-blpop")
    try:
        url = redis.url.replace("://", f"://low:{SECRET}@")
        findings, code = look(tmp_path, config(url))
    finally:
        redis.cli("ACL", "DELUSER", "low")
    found = only(findings)
    assert found.what == "the user low may not run BLMOVE, BLPOP"
    assert found.change.startswith("ACL SETUSER low +blmove +blpop")
    assert code == 2


def test_no_redis_there(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    findings, code = look(tmp_path, config(f"redis://:{SECRET}@127.0.0.1:{port}/0"))
    assert "no Redis answers" in only(findings).what
    assert code == 75


def test_soketis_own_workers(redis: RedisServer, tmp_path: Path) -> None:
    name = "sk:Y2xpZW50X2V2ZW50X3dlYmhvb2tz"  # client_event_webhooks
    key = "sk:client_event_webhooks"
    with client(redis, "BRPOPLPUSH", f"{key}:wait", f"{key}:active", "0", name=name):
        found = only(look(tmp_path, soketi(redis))[0])
    assert "SOKETI_QUEUE_REDIS_CONCURRENCY=0" in found.change
    assert bad(look(tmp_path, soketi(redis))[0]) == []


def test_soketi_in_mode_server(redis: RedisServer, tmp_path: Path) -> None:
    found = only(look(tmp_path, soketi(redis, mode="server"))[0])
    assert "SOKETI_MODE=full" in found.change


def test_the_command_prints_a_line_for_each_and_exits_by_the_worst(
    redis: RedisServer, tmp_path: Path
) -> None:
    redis.cli("CONFIG", "SET", "appendonly", "no")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config(redis.url)))
    command = [sys.executable, "-m", "sockq.supervisor", "doctor", "--config", str(path)]
    command += ["--dir", str(tmp_path / "run"), "--no-endpoints"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[0].startswith("problem  redis")
    assert lines[1].strip().startswith("change: appendonly yes")
    assert lines[-1].startswith("1 problem, ")
    done = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, check=False, timeout=30
    )
    assert json.loads(done.stdout)["worst"] == "problem"
    assert SECRET not in done.stdout + done.stderr
