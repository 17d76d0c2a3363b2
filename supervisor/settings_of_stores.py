"""The settings of the servers' app stores, with the servers' own defaults."""

from __future__ import annotations

import re
from typing import Final

from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_kinds import Formed, Kind, Text, Whole
from sockq.supervisor.settings_kinds_json import JsonText

_NOTHING: Final = Text(optional=True, blank=True)
_POSTGRES_PART: Final = r'([A-Za-z_][A-Za-z0-9_$]*|"[^"\x00]+")'


def _not_a_table(name: str) -> str | None:
    if re.fullmatch(rf"{_POSTGRES_PART}(\.{_POSTGRES_PART})?", name):
        return None
    return "write NAME or SCHEMA.NAME; a name with other characters belongs in double quotes"


def _sql(section: str, prefix: str, name: str, table: Setting) -> tuple[Setting, ...]:
    rows: tuple[tuple[str, Kind, str, object], ...] = (
        ("host", Text(), "Host.", "localhost"),
        ("port", Whole(1, 65_535), _PORTS[section], 3306),
        ("username", Text(), "User; needs SELECT on the table, nothing else.", "root"),
        ("password", Text(blank=True), "Password.", ""),
        ("database", Text(), f"Database of the {name} server.", "sockudo"),
    )
    return (
        *(
            Setting(
                f"database.{section}.{key}",
                kind,
                what,
                (f"{prefix}_{key.upper()}",),
                default,
                secret=key == "password",
            )
            for key, kind, what, default in rows
        ),
        table,
    )


_PORTS: Final = {
    "mysql": "Port.",
    "postgres": "Port: Sockudo's default is MySQL's; a PostgreSQL server usually has 5432.",
}

STORE_SETTINGS: Final[tuple[Setting, ...]] = (
    *_sql(
        "mysql",
        "DATABASE_MYSQL",
        "MySQL or MariaDB",
        Setting(
            "database.mysql.table_name",
            Text(),
            "Table of the apps.",
            ("DATABASE_MYSQL_TABLE_NAME",),
            "applications",
        ),
    ),
    *_sql(
        "postgres",
        "DATABASE_POSTGRES",
        "PostgreSQL",
        Setting(
            "database.postgres.table_name",
            Formed("NAME or SCHEMA.NAME", _not_a_table),
            "Table of the apps; as in SQL, capitals count in double quotes only.",
            default="applications",
        ),
    ),
    Setting(
        "database.dynamodb.region",
        Text(),
        "AWS region of the table.",
        ("DATABASE_DYNAMODB_REGION",),
        "us-east-1",
    ),
    Setting(
        "database.dynamodb.table_name",
        Text(),
        "Table of the apps; needs dynamodb:GetItem, nothing else.",
        ("DATABASE_DYNAMODB_TABLE_NAME",),
        "sockudo-applications",
    ),
    Setting(
        "database.dynamodb.endpoint_url",
        _NOTHING,
        "Another endpoint than the region's.",
        ("DATABASE_DYNAMODB_ENDPOINT_URL",),
    ),
    Setting(
        "database.dynamodb.aws_access_key_id",
        _NOTHING,
        "Access key; AWS_ACCESS_KEY_ID counts first.",
        default_text="as AWS clients find it: variables, profile, role",
    ),
    Setting(
        "database.dynamodb.aws_secret_access_key",
        _NOTHING,
        "Its secret; AWS_SECRET_ACCESS_KEY counts first.",
        secret=True,
    ),
    Setting("database.dynamodb.aws_profile_name", _NOTHING, "Profile of the AWS configuration."),
)


def _soketi(path: str, variable: str, kind: Kind, what: str, **more: object) -> Setting:
    env = (f"SOKETI_{variable}",)
    return Setting(path, kind, what, env, bare=variable, **more)  # type: ignore[arg-type]


def _soketi_sql(section: str, port: int, user: str) -> tuple[Setting, ...]:
    start, name = f"database.{section}", f"DB_{section.upper()}"
    text = JsonText(blank=False)
    return (
        _soketi(f"{start}.host", f"{name}_HOST", text, "Host.", default="127.0.0.1"),
        _soketi(f"{start}.port", f"{name}_PORT", Whole(1, 65_535), "Port.", default=port),
        _soketi(f"{start}.user", f"{name}_USERNAME", text, "User.", default=user),
        _soketi(
            f"{start}.password",
            f"{name}_PASSWORD",
            JsonText(),
            "Password.",
            default="password",
            secret=True,
        ),
        _soketi(f"{start}.database", f"{name}_DATABASE", text, "Database.", default="main"),
        _soketi(
            f"appManager.{section}.table",
            f"APP_MANAGER_{section.upper()}_TABLE",
            text,
            "Table of the apps.",
            default="apps",
        ),
    )


SOKETI_STORE_SETTINGS: Final[tuple[Setting, ...]] = (
    *_soketi_sql("mysql", 3306, "root"),
    *_soketi_sql("postgres", 5432, "postgres"),
    _soketi(
        "appManager.dynamodb.table",
        "APP_MANAGER_DYNAMODB_TABLE",
        JsonText(blank=False),
        "Table of the apps; needs dynamodb:Query on its index AppKeyIndex, nothing else.",
        default="apps",
    ),
    _soketi(
        "appManager.dynamodb.region",
        "APP_MANAGER_DYNAMODB_REGION",
        JsonText(blank=False),
        "AWS region of the table.",
        default="us-east-1",
    ),
    _soketi(
        "appManager.dynamodb.endpoint",
        "APP_MANAGER_DYNAMODB_ENDPOINT",
        JsonText(),
        "Another endpoint than the region's.",
    ),
)
