"""Alerts and dashboard: they parse, they fire, and they name only metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families
from support.board_picture import BoardPicture
from support.repository import ROOT

from sockq.supervisor.metrics import Metrics

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
RULES_TEST = RULES.with_name("rules_test.yml")
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
NAME = re.compile(r"\bsockq_\w+")


def served() -> dict[str, set[str]]:
    """Every sample's name with its labels, as a busy fleet serves them."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(Metrics(BoardPicture().reading).page().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions(panel: Any) -> Iterator[str]:
    """Every ``expr`` of a JSON or YAML document."""
    if isinstance(panel, dict):
        if isinstance(panel.get("expr"), str):
            yield panel["expr"]
        for inner in panel.values():
            yield from expressions(inner)
    elif isinstance(panel, list):
        for inner in panel:
            yield from expressions(inner)


def rules() -> list[str]:
    return list(expressions(yaml.safe_load(RULES.read_text())))


def dashboard() -> list[str]:
    return list(expressions(json.loads(DASHBOARD.read_text())))


def promtool(*args: str | Path) -> None:
    done = subprocess.run(
        ["promtool", *map(str, args)], capture_output=True, text=True, check=False, cwd=RULES.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_parse_and_fire() -> None:
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULES_TEST)


def test_every_alert_is_tested() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    tested = set(re.findall(r'alertname="(\w+)"', RULES_TEST.read_text()))
    assert tested == alerts
    assert all(
        {"summary", "action"} <= set(rule["annotations"])
        for group in groups
        for rule in group["rules"]
    )


def test_only_metrics_that_exist_are_named() -> None:
    known = served()
    # A fleet without a failure yet has no time of the last one.
    for expression in [*rules(), *dashboard()]:
        named = set(NAME.findall(expression))
        assert named
        assert named <= set(known), expression


def test_only_labels_that_exist_are_named() -> None:
    known = served()
    for expression in [*rules(), *dashboard()]:
        for name, selector in re.findall(r"\b(sockq_\w+)\{([^}]*)\}", expression):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
            assert labels <= known[name] | {"instance", "job"}, expression


def test_the_dashboard_parses(tmp_path: Path) -> None:
    every = [
        {"record": f"x:{number}", "expr": expression.replace("$instance", ".*")}
        for number, expression in enumerate(dashboard())
    ]
    file = tmp_path / "dashboard.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": every}]}))
    promtool("check", "rules", file)
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
