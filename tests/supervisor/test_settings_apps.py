"""Which apps count, and what their webhooks are told by the rest of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.configured import APP, apps, configured

_CREDENTIALS = {
    "SOCKUDO_DEFAULT_APP_ID": "d",
    "SOCKUDO_DEFAULT_APP_KEY": "dk",
    "SOCKUDO_DEFAULT_APP_SECRET": "ds",
}


@pytest.mark.parametrize(
    ("environ", "ids", "warning"),
    [
        ({}, ["app-1"], ""),
        (_CREDENTIALS, ["d"], "this app has no webhooks"),
        ({"SOCKUDO_DEFAULT_APP_ID": "d"}, [], "SOCKUDO_DEFAULT_APP_KEY and SOCKUDO_DEFAULT_APP_S"),
        ({**_CREDENTIALS, "SOCKUDO_DEFAULT_APP_ENABLED": "false"}, [], "left out"),
        ({"SOCKUDO_DEFAULT_APP_ENABLED": "off"}, [], "left out"),
        ({"SOCKUDO_DEFAULT_APP_ENABLED": "on"}, ["app-1"], ""),
        ({"SOCKUDO_SKIP_INLINE_APPS": "true"}, [], "SOCKUDO_SKIP_INLINE_APPS is set"),
        ({"SOCKUDO_SKIP_INLINE_APPS": "true", **_CREDENTIALS}, ["d"], "left out"),
        ({"APP_MANAGER_REGISTER_INLINE_APPS": "0"}, [], "APP_MANAGER_REGISTER_INLINE_APPS"),
    ],
)
def test_the_variables_that_replace_the_apps_of_the_file(
    tmp_path: Path, environ: dict[str, str], ids: list[str], warning: str
) -> None:
    found = configured(tmp_path, apps(APP), environ)
    assert found.faults == ()
    assert [app.id for app in found.apps] == ids
    assert warning in "\n".join(found.warnings)
    assert bool(found.warnings) == bool(warning)


def test_an_app_id_that_stands_twice_counts_once_and_is_told(tmp_path: Path) -> None:
    found = configured(tmp_path, apps(APP, {**APP, "key": "key-2"}))
    assert [app.key for app in found.apps] == ["key-2"]
    assert any("appears twice" in line for line in found.warnings)


def test_what_surprises_is_a_warning(tmp_path: Path) -> None:
    webhook = {
        "url": "http://h/",
        "event_types": ["client_event"],
        "filter": {"channel_pattern": "(?=x)"},
        "headers": {"Content-Type": "text/plain"},
    }
    app = {**APP, "policy": {"webhooks": [webhook]}, "webhooks": [{"url": "http://h/2"}]}
    content = {**apps(app), "queue": {"driver": "redis"}}
    text = "\n".join(configured(tmp_path, content).warnings)
    for part in ("beside policy", "gets no events", "Content-Type"):
        assert part in text


def test_retry_settings_reach_the_webhooks_only_when_the_file_has_them(tmp_path: Path) -> None:
    plain = configured(tmp_path, apps(APP)).apps[0].webhooks[0]
    content = {**apps(APP), "webhooks": {"request_timeout_ms": 500, "retry": {"max_attempts": 3}}}
    own = configured(tmp_path, content).apps[0].webhooks[0]
    assert plain.retry is None
    assert own.retry is not None
    assert (own.retry.max_attempts, own.retry.max_elapsed_time_ms) == (3, 300_000)
    assert (plain.timeout_seconds, own.timeout_seconds) == (10.0, 0.5)
