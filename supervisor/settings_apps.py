"""The apps of the configuration: the file's, or the one that ``SOCKUDO_DEFAULT_APP_*`` makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sockq.supervisor.settings_layers import Layers, shown
from sockq.workers.apps import App, AppReading, RetrySettings, WebhookDefaults

ReadApp = Callable[[Mapping[str, object], WebhookDefaults, str], AppReading]
_DEFAULT_APP = "SOCKUDO_DEFAULT_APP_"


@dataclass(frozen=True, slots=True)
class Apps:
    """The apps that count, in order, and what there is to say about them."""

    apps: tuple[App, ...]
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def read_apps(layers: Layers, file_name: str, read_app: ReadApp) -> Apps:
    """Read the apps by the server's rules.

    Args:
        layers: The settings.
        file_name: For messages.
        read_app: Reads one app's record.
    """
    faults: list[str] = []
    warnings: list[str] = []
    found: dict[str, App] = {}
    inline = layers["app_manager.array.apps"]
    assert isinstance(inline, list | tuple)
    replaced_by = _replaced_by(layers)
    for number, raw in enumerate(() if replaced_by else inline):
        where = f"{file_name}: app_manager.array.apps[{number}]"
        if not isinstance(raw, Mapping):
            faults.append(f"{where}: expected a table, found {shown(raw)}; correct or remove it")
            continue
        app, wrong, odd = read_app(raw, webhook_defaults(layers), where)
        faults += wrong
        warnings += odd
        if app is None:
            continue
        if app.id in found:
            warnings.append(f'{where}: the app id "{app.id}" appears twice; the last one counts')
        found[app.id] = app
    if replaced_by and inline:
        warnings.append(f"{replaced_by} is set: the {len(inline)} apps of {file_name} are left out")
    if app := _default_app(layers, warnings):
        found[app.id] = app
    if not found and not faults and layers["app_manager.driver"] == "memory":
        warnings.append("there are no apps: every job will wait, then end as a dead letter")
    return Apps(tuple(found.values()), tuple(faults), tuple(warnings))


def webhook_defaults(layers: Layers) -> WebhookDefaults:
    """What holds for webhooks that do not say otherwise."""
    names = ("enabled", "max_attempts", "max_elapsed_time_ms", "initial_backoff_ms")
    paths = {name: f"webhooks.retry.{name}" for name in (*names, "max_backoff_ms")}
    retry = None
    if any(layers.is_set(path) for path in paths.values()):
        values: dict[str, object] = {name: layers[path] for name, path in paths.items()}
        retry = RetrySettings(**values)  # type: ignore[arg-type]  # the table checked them
    timeout = layers["webhooks.request_timeout_ms"]
    assert isinstance(timeout, int)
    return WebhookDefaults(retry, timeout)


def _replaced_by(layers: Layers) -> str:
    """The variable that makes the file's apps not count, or nothing."""
    for name in ("ID", "KEY", "SECRET"):
        if layers.is_set(f"{_DEFAULT_APP}{name}"):
            return f"{_DEFAULT_APP}{name}"
    if layers[f"{_DEFAULT_APP}ENABLED"] is False:
        return f"{_DEFAULT_APP}ENABLED"
    if layers["SOCKUDO_SKIP_INLINE_APPS"] is True:
        return "SOCKUDO_SKIP_INLINE_APPS"
    if layers["APP_MANAGER_REGISTER_INLINE_APPS"] is False:
        return "APP_MANAGER_REGISTER_INLINE_APPS"
    return ""


def _default_app(layers: Layers, warnings: list[str]) -> App | None:
    given = {name: layers[f"{_DEFAULT_APP}{name}"] for name in ("ID", "KEY", "SECRET")}
    missing = [f"{_DEFAULT_APP}{name}" for name, value in given.items() if value is None]
    if len(missing) == len(given) or layers[f"{_DEFAULT_APP}ENABLED"] is False:
        return None
    if missing:
        warnings.append(f"{' and '.join(missing)} not set: no default app, as on the server")
        return None
    warnings.append(
        f"{_DEFAULT_APP}ID: this app has no webhooks, so its jobs have nowhere to go;"
        " list it under app_manager.array.apps to give it some"
    )
    return App(str(given["ID"]), str(given["KEY"]), str(given["SECRET"]))
