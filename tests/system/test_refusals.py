"""What cannot work is refused in one line with the next step, by the documented exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.fleet import Fleet
from support.jobs import app, redis_config
from support.redis_server import RedisServer


def sockq(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sockq.supervisor", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, **env},
    )


def test_no_redis_is_one_line_and_75(socket_dir: Path) -> None:
    done = sockq(
        "run", "--mode", "worker", "--dir", str(socket_dir / "run"),
        QUEUE_DRIVER="redis", REDIS_URL="redis://user:hush-hush@127.0.0.1:1/0",
    )  # fmt: skip
    assert done.returncode == 75
    problems = [line for line in done.stderr.splitlines() if "Redis" in line]
    assert len(problems) == 1, done.stderr
    assert "127.0.0.1:1" in problems[0]
    assert "Traceback" not in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr


def test_every_fault_of_a_configuration_has_its_line_and_78(socket_dir: Path) -> None:
    config = redis_config("redis://127.0.0.1/0", app(1, "not a url"), in_flight="many", wrokers=3)
    path = socket_dir / "config.json"
    path.write_text(json.dumps(config))
    done = sockq("run", "--mode", "worker", "--config", str(path), "--dir", str(socket_dir / "r"))
    assert done.returncode == 78
    text = done.stderr
    assert "sockq.in_flight" in text
    assert "workers" in text, "did you mean"
    assert "the URL has no scheme" in text
    assert "Traceback" not in text
    assert "app-secret" not in text


@pytest.mark.parametrize("driver", ["nats", "kafka", "radish"])
def test_an_unknown_driver_is_refused_by_name(driver: str, socket_dir: Path) -> None:
    done = sockq("run", "--dir", str(socket_dir / "r"), QUEUE_DRIVER=driver)
    assert done.returncode == 78
    assert driver in done.stderr
    assert "redis" in done.stderr


def test_a_second_fleet_in_one_directory_is_refused(server: RedisServer) -> None:
    with Fleet(redis_config(server.url), workers=1) as fleet:
        done = subprocess.run(
            fleet.command("run", "--config", str(fleet.config_path)),
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert done.returncode == 73
        assert str(fleet.run_dir) in done.stderr


def test_nothing_running_is_2(socket_dir: Path) -> None:
    done = sockq("status", "--once", "--dir", str(socket_dir / "nobody"))
    assert done.returncode == 2


def test_a_wrong_flag_is_64() -> None:
    done = sockq("run", "--wrokers", "3")
    assert done.returncode == 64
    assert "Traceback" not in done.stderr
