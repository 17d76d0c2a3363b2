"""From a store's row to an app. Columns of JSON come as text, as values, as NULL or as ``null``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from sockq.workers.answer import one_line
from sockq.workers.app_shapes import read_app
from sockq.workers.app_store import AppStoreSettings, Shape
from sockq.workers.apps import AppReading, WebhookDefaults
from sockq.workers.soketi_shapes import read_soketi_app


def read_record(
    row: Mapping[str, object], shape: Shape, defaults: WebhookDefaults, where: str
) -> AppReading:
    """Read a row: as ``app_shapes.read_app``."""
    if shape is Shape.SOKETI:
        return read_soketi_app(row, defaults, where)
    try:
        policy = json_value(row.get("policy"))
        # Tables of Sockudo 4 keep the older column too; what stands there no longer counts.
        webhooks = json_value(row.get("webhooks")) if policy is None else None
    except ValueError:
        column = "webhooks" if row.get("policy") is None else "policy"
        return AppReading(None, [f"{where}: {column} is not JSON"], [])
    texts = {name: _text(row.get(name)) for name in ("id", "key", "secret")}
    return read_app({**texts, "policy": policy, "webhooks": webhooks}, defaults, where)


def record_reader(
    settings: AppStoreSettings, defaults: WebhookDefaults
) -> Callable[[Mapping[str, object]], AppReading]:
    """What reads the rows of a store; its lines begin with the table and the app's id or key."""

    def read(row: Mapping[str, object]) -> AppReading:
        named = next((row[name] for name in ("id", "AppId") if row.get(name) is not None), "?")
        shown = one_line(str(_text(named))[:100])
        return read_record(row, settings.shape, defaults, f"{settings.table}[{shown}]")

    return read


def json_value(column: object) -> object:
    """The value of a JSON column, whatever the client made of it.

    Raises:
        ValueError: It is text and not JSON.
    """
    if isinstance(column, str | bytes):
        return msgspec.json.decode(column) if column else None
    return column


def _text(value: object) -> object:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
