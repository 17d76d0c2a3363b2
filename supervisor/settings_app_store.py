"""The app store of a configuration: which one, where, and how long its apps are believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sockq.supervisor.settings_apps import webhook_defaults
from sockq.supervisor.settings_layers import Layers
from sockq.workers.app_store import (
    AppStoreSettings,
    DynamoStoreSettings,
    MySqlStoreSettings,
    PostgresStoreSettings,
    Shape,
    missing_extra,
)
from sockq.workers.apps import WebhookDefaults
from sockq.workers.settings import CacheSettings

_PARTS = ("host", "port", "username", "password", "database")


@dataclass(frozen=True, slots=True)
class Store:
    """The store, None where apps are in the file alone, and what there is to say about it."""

    settings: AppStoreSettings | None = None
    cache: CacheSettings = field(default_factory=CacheSettings)
    webhook_defaults: WebhookDefaults = field(default_factory=WebhookDefaults)
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_store(layers: Layers, environ: Mapping[str, str]) -> Store:
    """Read the app store of a Sockudo configuration.

    Args:
        layers: The settings.
        environ: For AWS's own variables, which count before the file's keys, as on the server.
    """
    driver = layers["app_manager.driver"]
    warnings: list[str] = []
    settings: AppStoreSettings
    if driver == "mysql":
        settings = MySqlStoreSettings(**_sql(layers, "mysql"))  # type: ignore[arg-type]  # the table checked them
    elif driver == "pgsql":
        settings = PostgresStoreSettings(**_sql(layers, "postgres"))  # type: ignore[arg-type]  # as above
        if not layers.is_set("database.postgres.port"):
            warnings.append(
                "database.postgres.port is not set: Sockudo's default for it is 3306;"
                " a PostgreSQL server usually has 5432"
            )
    elif driver == "dynamodb":
        settings = _dynamodb(layers, environ)
    else:
        return Store()
    faults = _missing_library(layers, "app_manager.driver", settings)
    return Store(settings, _cache(layers), webhook_defaults(layers), faults, tuple(warnings))


def read_soketi_store(layers: Layers) -> Store:
    """Read the app store of a soketi configuration."""
    driver = layers["appManager.driver"]
    settings: AppStoreSettings
    if driver == "mysql":
        settings = MySqlStoreSettings(**_soketi_sql(layers, "mysql"))  # type: ignore[arg-type]  # as above
    elif driver == "postgres":
        settings = PostgresStoreSettings(**_soketi_sql(layers, "postgres"))  # type: ignore[arg-type]  # as above
    elif driver == "dynamodb":
        endpoint = layers["appManager.dynamodb.endpoint"]
        settings = DynamoStoreSettings(
            region=str(layers["appManager.dynamodb.region"]),
            table=str(layers["appManager.dynamodb.table"]),
            endpoint_url=str(endpoint) if endpoint else None,
            shape=Shape.SOKETI,
        )
    else:
        return Store()
    faults = _missing_library(layers, "appManager.driver", settings)
    return Store(settings, _cache(layers), faults=faults)


def _missing_library(layers: Layers, path: str, settings: AppStoreSettings) -> tuple[str, ...]:
    extra = missing_extra(settings)
    if extra is None:
        return ()
    given = layers.values[path]
    what = f"{path} ({given.origin}): the {given.value} app store needs a library that is missing"
    return (f"{what}; pip install 'sockq[{extra}]'",)


def _cache(layers: Layers) -> CacheSettings:
    seconds = layers["sockq.app_cache_seconds"]
    assert isinstance(seconds, float | int)
    return CacheSettings(age_seconds=max(1.0, float(seconds)))


def _sql(layers: Layers, section: str) -> dict[str, object]:
    values = {name: layers[f"database.{section}.{name}"] for name in _PARTS}
    return {**values, "table": layers[f"database.{section}.table_name"]}


def _soketi_sql(layers: Layers, section: str) -> dict[str, object]:
    at = f"database.{section}"
    values = {name: layers[f"{at}.{name}"] for name in ("host", "port", "database")}
    return {
        **values,
        "username": layers[f"{at}.user"],
        "password": layers[f"{at}.password"] or "",
        "table": layers[f"appManager.{section}.table"],
        "shape": Shape.SOKETI,
    }


def _dynamodb(layers: Layers, environ: Mapping[str, str]) -> DynamoStoreSettings:
    def text(name: str) -> str | None:
        value = layers[f"database.dynamodb.{name}"]
        return str(value) if value else None

    own_keys = not environ.get("AWS_ACCESS_KEY_ID")
    return DynamoStoreSettings(
        region=str(layers["database.dynamodb.region"]),
        table=str(layers["database.dynamodb.table_name"]),
        endpoint_url=text("endpoint_url"),
        access_key_id=text("aws_access_key_id") if own_keys else None,
        secret_access_key=text("aws_secret_access_key") if own_keys else None,
        profile=text("aws_profile_name"),
    )
