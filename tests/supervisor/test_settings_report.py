"""``sockq check`` and the settings reference: complete, current, and without secrets."""

from __future__ import annotations

import json
from pathlib import Path

from support.repository import ROOT

from sockq.supervisor.settings import load
from sockq.supervisor.settings_reference import reference
from sockq.supervisor.settings_report import report
from sockq.supervisor.settings_table import SETTINGS

_SECRETS = ("app-hush", "redis-hush", "url-hush", "path-hush-that-is-long-enough", "query-hush")


def test_every_setting_is_reported_with_its_origin_and_no_secret(tmp_path: Path) -> None:
    url = "https://user:url-hush@h/path-hush-that-is-long-enough?token=query-hush"
    webhook = {"url": url, "event_types": ["client_event"], "headers": {"X-Token": "app-hush"}}
    content = {
        "queue": {"redis": {"concurrency": 3}},
        "database": {"redis": {"password": "redis-hush", "username": "ann"}},
        "app_manager": {
            "array": {
                "apps": [
                    {
                        "id": "one",
                        "key": "k",
                        "secret": "app-hush",
                        "policy": {"webhooks": [webhook]},
                    }
                ]
            }
        },
    }
    path = tmp_path / "c.json"
    path.write_text(json.dumps(content))
    lines = report(load(path, {"QUEUE_REDIS_PREFIX": "p:", "SOCKQ_DIR": "/tmp/sq-test"}))
    text = "\n".join(lines)
    for setting in SETTINGS:
        assert (setting.path in text) == setting.in_file
    by_path = {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines if line.strip()}
    assert by_path["queue.redis.prefix"] == ["p:", "QUEUE_REDIS_PREFIX"]
    assert by_path["sockq.workers"] == ["3", f"queue.redis.concurrency, {path}"]
    assert by_path["database.redis.password"] == ["***", str(path)]
    assert "redis://ann:***@127.0.0.1:6379/0" in text
    assert "app one: 1 webhook" in text
    assert [secret for secret in _SECRETS if secret in text] == []


def test_a_url_is_shown_without_its_password() -> None:
    found = load(None, {"REDIS_URL": "redis://:url-hush@h:1/0", "SOCKQ_DIR": "/tmp/sq-test"})
    text = "\n".join(report(found))
    assert "redis://:***@h:1/0" in text
    assert "url-hush" not in text


def test_the_reference_is_not_stale() -> None:
    page = (ROOT / "deploy" / "SETTINGS.md").read_text(encoding="utf-8")
    assert page == reference(), "run: sockq settings-reference > deploy/SETTINGS.md"


def test_the_reference_names_every_setting_and_variable() -> None:
    page = reference()
    for setting in SETTINGS:
        for name in (setting.path, *setting.env):
            assert f"`{name}`" in page
