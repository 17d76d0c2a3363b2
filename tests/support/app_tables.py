"""Tables of apps as the servers make them, and rows as they write them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.sql_servers import DATABASE, PASSWORD, USER, MariaDb, SqlServer

from sockq.workers.app_store import (
    AppStore,
    MySqlStoreSettings,
    PostgresStoreSettings,
    Shape,
    make_store,
)

#: Sockudo 3.x; ``{json}`` and ``{q}`` differ between the dialects. 4.x adds the column ``policy``.
_SOCKUDO = """\
CREATE TABLE {table} (
    id VARCHAR(255) PRIMARY KEY,
    {q}key{q} VARCHAR(255) UNIQUE NOT NULL,
    secret VARCHAR(255) NOT NULL,
    max_connections INTEGER NOT NULL DEFAULT 0,
    enable_client_messages BOOLEAN NOT NULL DEFAULT FALSE,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    max_client_events_per_second INTEGER NOT NULL DEFAULT 0,
    max_event_batch_size INTEGER NULL,
    enable_user_authentication BOOLEAN NULL,
    webhooks {json} NULL,
    allowed_origins {json} NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
)"""
_SOKETI = """\
CREATE TABLE {table} (
    id VARCHAR(255) PRIMARY KEY,
    {q}key{q} VARCHAR(255) NOT NULL,
    secret VARCHAR(255) NOT NULL,
    max_connections INTEGER NOT NULL DEFAULT 200,
    enable_client_messages SMALLINT NOT NULL DEFAULT 0,
    enabled SMALLINT NOT NULL DEFAULT 1,
    max_backend_events_per_sec INTEGER NOT NULL DEFAULT -1,
    webhooks JSON NULL
)"""


def make_table(server: SqlServer, table: str, kind: str = "sockudo 4") -> None:
    """Make a table: ``sockudo 3``, ``sockudo 4`` or ``soketi``."""
    words = {"json": "JSON" if isinstance(server, MariaDb) else "JSONB", "q": quote(server)}
    text = _SOKETI if kind == "soketi" else _SOCKUDO
    server.execute(text.format(table=table, **words))
    if kind == "sockudo 4":
        server.execute(f"ALTER TABLE {table} ADD COLUMN policy {words['json']} NULL")


def quote(server: SqlServer) -> str:
    """What quotes a name."""
    return "`" if isinstance(server, MariaDb) else '"'


def insert(server: SqlServer, table: str, **row: object) -> None:
    """Write a row; ``id``, ``key`` and ``secret`` have defaults."""
    row = {"id": "app-id", "key": "app-key", "secret": "app-secret", **row}
    names = ", ".join(f"{quote(server)}{name}{quote(server)}" for name in row)
    marks = ", ".join(["%s"] * len(row))
    server.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))


def store_settings(
    server: SqlServer, table: str, shape: Shape = Shape.SOCKUDO, **changes: Any
) -> MySqlStoreSettings | PostgresStoreSettings:
    """How a worker reaches it."""
    kind = MySqlStoreSettings if isinstance(server, MariaDb) else PostgresStoreSettings
    made = kind("127.0.0.1", server.port, USER, PASSWORD, DATABASE, table, shape)
    return replace(made, **changes)


def store_of(
    server: SqlServer, table: str, shape: Shape = Shape.SOCKUDO, **changes: Any
) -> AppStore:
    """The store of a table."""
    return make_store(store_settings(server, table, shape, **changes))
