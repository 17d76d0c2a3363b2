"""The whole configuration: read, merged, checked, and turned into the settings of a fleet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.http_settings import HttpSettings, parse_address, parse_compat
from sockq.supervisor.recycle_rules import RecycleSettings
from sockq.supervisor.settings_app_store import Store, read_soketi_store, read_store
from sockq.supervisor.settings_apps import Apps, read_apps
from sockq.supervisor.settings_directory import complaint_about_directory, default_directory
from sockq.supervisor.settings_document import Document, read_document
from sockq.supervisor.settings_dotted import spread
from sockq.supervisor.settings_driver import (
    Queue,
    choose_driver,
    lease_seconds,
    queue_settings,
)
from sockq.supervisor.settings_layers import Layers, Value, read_layers
from sockq.supervisor.settings_of_sockq import MOST_WORKERS
from sockq.supervisor.settings_server import ServerName, whose
from sockq.supervisor.settings_soketi import choose_soketi_driver, soketi_queue
from sockq.supervisor.settings_soketi_apps import read_soketi_apps
from sockq.supervisor.settings_support import refusals
from sockq.supervisor.settings_table import SETTINGS_WITH_SOKETI
from sockq.supervisor.settings_workers import worker_count
from sockq.supervisor.version import version
from sockq.workers.apps import App
from sockq.workers.settings import EngineSettings, WorkerSettings


@dataclass(frozen=True, slots=True)
class Configuration:
    """What came of reading everything.

    Attributes:
        fleet: The fleet's settings; None exactly when there are faults.
        values: Every setting with its origin, derived ones with what they came to.
        apps: The apps.
        faults: One line each, all of them.
        warnings: One line each: what works but may surprise.
        server: Whose configuration it is.
    """

    fleet: FleetSettings | None
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    apps: tuple[App, ...] = ()
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    server: ServerName = "Sockudo"


def load(
    config: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, str] | None = None,
    cores: int | None = None,
) -> Configuration:
    """Read the configuration.

    Args:
        config: The file, or None.
        environ: Variables.
        flags: Path of a setting to the text given on the command line.
        cores: Processors to count with; None: those this process may use.

    Returns:
        The configuration; with faults there is no fleet, and every fault is listed.
    """
    document = read_document(config, environ)
    server, fault = whose(document.content, environ)
    if fault:
        prefix = f"{document.name}: " if document.name else ""
        return Configuration(None, faults=(prefix + fault,), server=server)
    cores = cores or available_cores()
    if server == "soketi":
        content = spread(document.content, [setting.path for setting in SETTINGS_WITH_SOKETI])
        document = replace(document, content=content)
        layers = read_layers(document, environ, flags or {}, SETTINGS_WITH_SOKETI)
        return _configure(_of_soketi(layers, environ), document, layers, environ, cores)
    layers = read_layers(document, environ, flags or {})
    return _configure(_of_sockudo(layers, environ, document), document, layers, environ, cores)


@dataclass(frozen=True, slots=True)
class _Found:
    """What each server's own rules make of its settings."""

    server: ServerName
    driver: Value
    queue: Queue
    apps: Apps
    store: Store
    refused: tuple[str, ...]


def _of_sockudo(layers: Layers, environ: Mapping[str, str], document: Document) -> _Found:
    from sockq.workers.app_shapes import read_app  # noqa: PLC0415 - brings the patterns' engine

    driver = choose_driver(layers, document.name)
    layers.values["sockq.lease_seconds"] = lease_seconds(layers, driver)
    queue = queue_settings(layers, driver, Path(str(_directory(layers, environ).value)))
    apps = read_apps(layers, document.name, read_app)
    store = read_store(layers, environ)
    return _Found("Sockudo", driver, queue, apps, store, tuple(_refused(layers, driver)))


def _of_soketi(layers: Layers, environ: Mapping[str, str]) -> _Found:
    from sockq.workers.soketi_shapes import read_soketi_app  # noqa: PLC0415 - as above

    driver = choose_soketi_driver(layers)
    queue = soketi_queue(layers, driver, Path(str(_directory(layers, environ).value)))
    apps = read_soketi_apps(layers, read_soketi_app)
    return _Found("soketi", driver, queue, apps, read_soketi_store(layers), ())


def _configure(
    found: _Found,
    document: Document,
    layers: Layers,
    environ: Mapping[str, str],
    cores: int,
) -> Configuration:
    driver, queue, apps, store = found.driver, found.queue, found.apps, found.store
    directory = _directory(layers, environ)
    workers = worker_count(layers, str(driver.value), cores)
    faults = [*document.faults, *layers.faults, *queue.faults, *apps.faults, *store.faults]
    faults += found.refused
    if complaint := complaint_about_directory(Path(str(directory.value))):
        faults.append(f"sockq.dir ({directory.origin}): {complaint}; choose another with --dir")
    if isinstance(workers.value, int) and workers.value > MOST_WORKERS:
        faults.append(
            f"{workers.origin}: {workers.value} workers are more than the {MOST_WORKERS} that a"
            " fleet can have; set sockq.workers"
        )
    derived = {"queue.driver": driver, "sockq.workers": workers, "sockq.dir": directory}
    return Configuration(
        None if faults else _fleet(layers, found, derived),
        values=layers.values | derived,
        apps=apps.apps,
        faults=tuple(faults),
        warnings=(
            *document.warnings,
            *queue.warnings,
            *((*apps.warnings, *store.warnings) if queue.there else ()),
        ),
        server=found.server,
    )


def _directory(layers: Layers, environ: Mapping[str, str]) -> Value:
    given = layers.values["sockq.dir"]
    if given.value is None:
        return Value(str(default_directory(environ)), "default")
    return Value(str(Path(str(given.value)).expanduser().absolute()), given.origin, given.layer)


def _refused(layers: Layers, driver: Value) -> list[str]:
    found = refusals(str(driver.value), str(layers["app_manager.driver"]))
    return [f"{path} ({layers.values[path].origin}): {what}; {todo}" for path, what, todo in found]


def _fleet(layers: Layers, found: _Found, derived: Mapping[str, Value]) -> FleetSettings:
    workers = derived["sockq.workers"].value
    assert isinstance(workers, int)
    drain_seconds = _seconds(layers, "sockq.drain_seconds")
    return FleetSettings(
        directory=Path(str(derived["sockq.dir"].value)),
        workers=workers,
        driver=found.queue.settings,
        worker=WorkerSettings(
            apps=found.apps.apps,
            apps_by_key=found.server == "soketi",
            app_store=found.store.settings,
            app_cache=found.store.cache,
            webhook_defaults=found.store.webhook_defaults,
            in_flight=_whole(layers, "sockq.in_flight"),
            lease_seconds=_seconds(layers, "sockq.lease_seconds"),
            drain_seconds=drain_seconds,
            unknown_app_grace_seconds=_seconds(layers, "sockq.unknown_app_grace_seconds"),
            log_success=_seconds(layers, "sockq.log_success"),
            engine=EngineSettings(
                endpoint_in_flight=_whole(layers, "sockq.endpoint_in_flight"),
                connect_timeout_seconds=_seconds(layers, "sockq.connect_timeout_seconds"),
                idle_seconds=_seconds(layers, "sockq.idle_seconds"),
            ),
        ),
        drain_seconds=drain_seconds,
        boot_seconds=_seconds(layers, "sockq.boot_seconds"),
        hang_seconds=_seconds(layers, "sockq.hang_seconds"),
        stopped_seconds=_seconds(layers, "sockq.stopped_seconds"),
        kill_with_parent=layers["sockq.on_parent_death"] == "kill",
        give_up_seconds=_seconds(layers, "sockq.give_up_seconds") or None,
        recycle=RecycleSettings(
            jobs=_whole(layers, "sockq.recycle_jobs"),
            growth_bytes=_whole(layers, "sockq.recycle_growth_mb") << 20,
            age_seconds=_seconds(layers, "sockq.recycle_seconds"),
        ),
        heartbeat_seconds=_seconds(layers, "sockq.heartbeat_seconds"),
        soak_seconds=_seconds(layers, "sockq.soak_seconds"),
        http=_http(layers),
        version=version(),
        facts={"queue": "*_webhooks" if found.server == "soketi" else "webhooks"},
    )


def _http(layers: Layers) -> HttpSettings | None:
    address = parse_address(str(layers["sockq.http.address"]))
    if address is None or not layers["sockq.http.enabled"]:
        return None
    return HttpSettings(*address, parse_compat(str(layers["sockq.http.metrics_compat"])))


def _whole(layers: Layers, path: str) -> int:
    value = layers[path]
    assert isinstance(value, int)
    return value


def _seconds(layers: Layers, path: str) -> float:
    value = layers[path]
    assert isinstance(value, float)
    return value


def available_cores() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
