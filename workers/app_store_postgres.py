"""Apps in PostgreSQL, through psycopg 3 (extra ``postgres``).

A row is asked for as JSON text: columns that are not there (``policy`` in tables of Sockudo 3.x)
are simply missing, and JSON columns of either type come as values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import psycopg
from psycopg import sql

from sockq.workers.app_store import ANSWER_SECONDS, CONNECT_SECONDS, PostgresStoreSettings, Shape
from sockq.workers.sql_connections import SqlStore

Connection = psycopg.Connection[tuple[Any, ...]]

#: Wrong password, unknown role or database, no right.
_FINAL_STATES: Final = ("28", "3D", "42501")
#: What libpq says while connecting comes without a state in some cases.
_FINAL_TEXT: Final = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry"
    r'|(role|database) ".*" does not exist|permission denied for',
)


class PostgresStore(SqlStore[Connection]):
    """One table."""

    def __init__(self, settings: PostgresStoreSettings) -> None:
        super().__init__(settings)
        if settings.shape is Shape.SOCKUDO:
            # Sockudo puts the name into its statements as it stands; the settings checked it.
            table: sql.Composable = sql.SQL(settings.table)
        else:
            table = sql.Identifier(*settings.table.split("."))
        self._check = sql.SQL("SELECT 1 FROM {} LIMIT 0").format(table)
        # The time-out is that of this one look-up: a pooler in between hands the session on.
        self._read = sql.SQL(
            "SET LOCAL statement_timeout = {};"
            " SELECT row_to_json(t)::text FROM {} AS t WHERE t.{} = %s LIMIT 1"
        ).format(round(ANSWER_SECONDS * 1000), table, sql.Identifier(self.column))

    def _connect(self) -> Connection:
        wanted = self.settings
        return psycopg.connect(
            host=wanted.host,
            port=wanted.port,
            user=wanted.username,
            password=wanted.password,
            dbname=wanted.database,
            connect_timeout=round(CONNECT_SECONDS),
            tcp_user_timeout=round(ANSWER_SECONDS * 1000),
            application_name="sockq",
            autocommit=True,
            cursor_factory=psycopg.ClientCursor,  # two statements in one go, nothing prepared
        )

    def _fetch(self, connection: Connection, name: str | None) -> Mapping[str, object] | None:
        if name is None:
            connection.execute(self._check)
            return None
        cursor = connection.execute(self._read, (name,))
        cursor.nextset()
        row = cursor.fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=dict[str, object])

    def _is_final(self, error: Exception) -> bool:
        if not isinstance(error, psycopg.Error):
            return False
        if error.sqlstate is None:
            return _FINAL_TEXT.search(str(error)) is not None
        return error.sqlstate.startswith(_FINAL_STATES)

    def _text(self, error: Exception) -> str:
        if isinstance(error, psycopg.Error) and error.diag.message_primary:
            return error.diag.message_primary
        return str(error) or type(error).__name__
