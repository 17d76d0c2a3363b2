"""The apps of a soketi configuration: the list, and the variables that describe its first app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sockq.supervisor.settings_apps import Apps, ReadApp
from sockq.supervisor.settings_layers import Layers, shown
from sockq.workers.apps import App, WebhookDefaults

_LIST: Final = "appManager.array.apps"
_FIELDS: Final = ("id", "key", "secret", "webhooks")


def read_soketi_apps(layers: Layers, read_app: ReadApp) -> Apps:
    """Read the apps by soketi's rules.

    Without any app soketi has one with a well-known secret and no webhooks; sockq then has none,
    so that jobs end where they can be seen.

    Args:
        layers: The settings.
        read_app: Reads one app's record.
    """
    if layers["appManager.driver"] != "array":
        return Apps((), (), ())
    faults: list[str] = []
    warnings: list[str] = []
    found: dict[str, App] = {}
    for place, raw in _records(layers):
        if not isinstance(raw, Mapping):
            faults.append(f"{place}: expected a table, found {shown(raw)}; correct or remove it")
            continue
        app, wrong, odd = read_app(raw, WebhookDefaults(), place)
        faults += wrong
        warnings += odd
        if app is None:
            continue
        if app.key in found:
            warnings.append(f'{place}: the app key "{app.key}" appears twice; the first one counts')
        else:
            found[app.key] = app
    warnings += [
        f'app "{app.id}" has no webhooks, so its jobs have nowhere to go; list them in its webhooks'
        for app in found.values()
        if not app.webhooks
    ]
    if not found and not faults:
        warnings.append("there are no apps: every job will wait, then end as a dead letter")
    return Apps(tuple(found.values()), tuple(faults), tuple(warnings))


def _records(layers: Layers) -> list[tuple[str, object]]:
    """Each record with its place; what variables say of the first app is put over it."""
    listed = layers[_LIST]
    assert isinstance(listed, list | tuple)
    origin = layers.values[_LIST].origin
    records: list[tuple[str, object]] = [
        (f"{origin}: {_LIST}[{index}]", raw) for index, raw in enumerate(listed)
    ]
    given = {name: layers.values[f"SOKETI_DEFAULT_APP_{name.upper()}"] for name in _FIELDS}
    told = {name: value for name, value in given.items() if value.layer != "default"}
    if not told:
        return records
    place, first = records[0] if records else ("", {})
    names = ", ".join(value.origin for value in told.values())
    place = f"{place} with {names}" if place else names
    if isinstance(first, Mapping):
        first = {**first, **{name: value.value for name, value in told.items()}}
    return [(place, first), *records[1:]]
