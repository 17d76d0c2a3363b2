"""What ``sockq check`` prints: every setting with its origin, and the apps. No secret is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sockq.drivers.settings import (
    BullmqSettings,
    DriverSettings,
    RedisClusterSettings,
    RedisSettings,
    SqsSettings,
)
from sockq.drivers.sqs_names import given_url, queue_name, service
from sockq.supervisor.redis_url import masked
from sockq.supervisor.settings import Configuration
from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_layers import Value
from sockq.supervisor.settings_table import SETTINGS, SETTINGS_WITH_SOKETI
from sockq.workers.app_store import label_of
from sockq.workers.apps import App

_MASK = "***"
_LONGEST = 40


def report(configuration: Configuration) -> list[str]:
    """The lines for a configuration without faults: settings, then apps."""
    rows = [*_rows(configuration)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{path:{widths[0]}}  {text:{widths[1]}}  {origin}" for path, text, origin in rows]
    return [*lines, "", *(line for app in configuration.apps for line in _app(app))]


def _rows(configuration: Configuration) -> Iterator[tuple[str, str, str]]:
    table = SETTINGS_WITH_SOKETI if configuration.server == "soketi" else SETTINGS
    for setting in table:
        value = configuration.values[setting.path]
        if not setting.in_file and value.layer == "default":
            continue
        yield setting.path, _shown(setting, value), value.origin
    fleet = configuration.fleet
    if fleet is not None and (place := _redis_in_use(fleet.driver)):
        yield "(Redis in use)", place, "from the above"
    if fleet is not None and isinstance(fleet.driver, SqsSettings):
        yield "(queue in use)", _sqs_in_use(fleet.driver), "from the above"
    if fleet is not None and fleet.worker.app_store is not None:
        yield "(app store in use)", label_of(fleet.worker.app_store), "from the above"


def _redis_in_use(driver: DriverSettings) -> str:
    """The address that the settings come to, without passwords; empty: it is no Redis."""
    match driver:
        case RedisClusterSettings(nodes=nodes) | BullmqSettings(nodes=nodes) if nodes:
            return ", ".join(map(masked, nodes))
        case RedisSettings(sentinel=sentinel) | BullmqSettings(sentinel=sentinel) if sentinel:
            names = ", ".join(f"{host}:{port}" for host, port in sentinel.nodes)
            return f"{sentinel.master} of Sentinel {names}"
        case RedisSettings(url=url) | BullmqSettings(url=url):
            return masked(url)
        case _:
            return ""


def _sqs_in_use(driver: SqsSettings) -> str:
    return given_url(driver) or f"{queue_name(driver)}, {service(driver)}"


def _shown(setting: Setting, given: Value) -> str:
    value = given.value
    if value is None or value == {}:
        return "-"
    if setting.path == "queue.redis.url_override":
        return masked(str(value))
    if setting.secret and value != ():
        return _MASK
    if isinstance(value, list | tuple):
        return f"{len(value)} listed"
    if isinstance(value, float):
        return f"{value:.15g}"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST or setting.path == "sockq.dir" else f"{text[:_LONGEST]}…"


def _app(app: App) -> Iterator[str]:
    count = len(app.webhooks)
    yield f"app {app.id}: {count} webhook{'' if count == 1 else 's'}"
    for webhook in app.webhooks:
        events = " ".join(sorted(webhook.event_types)) or "no events"
        yield f"  {webhook.label}  {events}{'  filtered' if webhook.filter else ''}"
