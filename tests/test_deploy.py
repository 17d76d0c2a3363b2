"""What deploy/ holds agrees with the program."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.repository import ROOT

from sockq.supervisor.cli import app
from sockq.supervisor.settings import load
from sockq.supervisor.settings_of_sockq import OWN_SETTINGS
from sockq.workers import exits

DEPLOY = ROOT / "deploy"
EXAMPLE = DEPLOY / "sockq.example.toml"
OWN = {s.path.removeprefix("sockq."): s for s in OWN_SETTINGS if s.in_file}
ENVIRON = {"SOCKQ_DIR": "/run/sockq"}
CLEANING_UP_SECONDS = 35


def unit() -> dict[str, list[str]]:
    """Every assignment of the unit, by name."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "sockq.service").read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def compose() -> dict[str, Any]:
    """The services."""
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services: dict[str, Any] = document["services"]
    return services


def test_the_example_is_a_configuration_without_faults_and_warnings() -> None:
    configuration = load(EXAMPLE, ENVIRON)
    assert configuration.faults == ()
    assert configuration.warnings == ()
    assert [app.id for app in configuration.apps] == ["my-app"]


def test_the_example_has_every_own_setting_at_its_default() -> None:
    own = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))["sockq"]
    written: dict[str, object] = {}
    for name, value in own.items():
        inner = value.items() if isinstance(value, dict) else ()
        written |= {f"{name}.{key}": one for key, one in inner} or {name: value}
    assert written == {name: s.default for name, s in OWN.items() if s.default is not None}


def test_the_example_names_the_settings_whose_default_is_derived() -> None:
    _, _, section = EXAMPLE.read_text(encoding="utf-8").partition("[sockq]\n")
    named = set(re.findall(r"^# (\w+) = ", section, flags=re.MULTILINE))
    assert named == {name for name, s in OWN.items() if s.default is None}


def test_the_unit_gives_time_to_drain_and_does_not_restart_in_vain() -> None:
    found = unit()
    drain = OWN["drain_seconds"].default
    assert isinstance(drain, float)
    assert float(found["TimeoutStopSec"][0]) >= drain + CLEANING_UP_SECONDS
    assert found["KillMode"] == ["mixed"]
    assert found["OOMPolicy"] == ["continue"]
    codes = [int(code) for code in found["RestartPreventExitStatus"][0].split()]
    assert codes == [exits.USAGE, exits.CONFIG]
    assert found["RuntimeDirectoryPreserve"] == ["yes"], "owners and disabled endpoints stay"
    assert found["StartLimitIntervalSec"] == ["0"], "Redis may be away for longer than some starts"


def test_the_unit_listens_to_what_the_fleet_says() -> None:
    found = unit()
    assert found["Type"] == ["notify"]
    assert found["NotifyAccess"] == ["main"], "the parent says it, nobody else"
    boot = OWN["boot_seconds"].default
    assert isinstance(boot, float)
    assert float(found["TimeoutStartSec"][0]) > boot
    assert float(found["WatchdogSec"][0]) > 5, "a loaded machine is no standstill"
    assert found["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    (start,) = found["ExecStart"]
    assert start.endswith(" --config /etc/sockq/config.toml"), "a reload reads what was edited"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "sockq"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = (DEPLOY / "sockq.service").read_text(encoding="utf-8")
    copy = tmp_path / "sockq.service"
    copy.write_text(text.replace("/opt/sockq/bin/sockq", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "sockq.service" in line]
    assert complaints == []


def test_compose_hands_the_queue_over_and_gives_time_to_drain() -> None:
    services = compose()
    assert services["sockudo"]["environment"]["QUEUE_REDIS_CONCURRENCY"] == "0"
    assert "noeviction" in services["redis"]["command"]
    drain = OWN["drain_seconds"].default
    assert isinstance(drain, float)
    assert float(services["sockq"]["stop_grace_period"].removesuffix("s")) > drain + 30


def test_compose_configures_server_and_fleet_alike() -> None:
    path = DEPLOY / "compose.config.json"
    configuration = load(path, {**ENVIRON, **compose()["sockq"]["environment"]})
    assert configuration.faults == ()
    (demo,) = configuration.apps
    secret = json.loads(path.read_text(encoding="utf-8"))["app_manager"]["array"]["apps"][0][
        "secret"
    ]
    assert any(secret in word for word in compose()["receiver"]["command"])
    assert [w.endpoint.port for w in demo.webhooks if w.endpoint] == [9000]
    assert "9000" in compose()["receiver"]["command"]


@pytest.mark.parametrize("page", ["README.md", "deploy/README.md", "CHANGELOG.md"])
def test_pages_name_commands_that_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^ {4,})sockq ([a-z]+)", text, flags=re.MULTILINE))
    known = {
        info.name or getattr(info.callback, "__name__", "") for info in app.registered_commands
    } | {group.typer_instance.info.name for group in app.registered_groups if group.typer_instance}
    assert named
    assert named - known == set()


def test_the_image_is_made_of_what_there_is_and_runs_as_nobody_special() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    assert set(copied) == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "drivers",
        "workers",
        "supervisor",
    }
    assert all((ROOT / name).exists() for name in copied)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in copied} <= set(ignored)
    assert "USER 10001" in lines
    assert "STOPSIGNAL SIGTERM" in lines
    assert 'ENTRYPOINT ["sockq"]' in lines
