"""Apps in MySQL or MariaDB, through PyMySQL (extra ``mysql``).

``SELECT *``: tables of Sockudo 3.x have no column ``policy``. TLS is used when the server offers
it, unverified, as the servers' own clients do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pymysql

from sockq.workers.app_store import ANSWER_SECONDS, CONNECT_SECONDS, MySqlStoreSettings
from sockq.workers.sql_connections import SqlStore, field_names

if TYPE_CHECKING:
    Connection = pymysql.connections.Connection[pymysql.cursors.Cursor]
else:
    Connection = Any

#: Access denied (for the user, the database, a table, a column), unknown database, no such plugin.
_FINAL: Final = frozenset({1044, 1045, 1049, 1142, 1143, 1227, 1251, 1698, 2059})


class MySqlStore(SqlStore[Connection]):
    """One table."""

    def __init__(self, settings: MySqlStoreSettings) -> None:
        super().__init__(settings)
        self._table = "`{}`".format(settings.table.replace("`", "``"))

    def _connect(self) -> Connection:
        wanted = self.settings
        return pymysql.connect(
            host=wanted.host,
            port=wanted.port,
            user=wanted.username,
            password=wanted.password,
            database=wanted.database,
            charset="utf8mb4",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            autocommit=True,
            conv={},  # every column as text: no date can be one that Python does not know
        )

    def _fetch(self, connection: Connection, name: str | None) -> Mapping[str, object] | None:
        with connection.cursor() as cursor:
            if name is None:
                cursor.execute(f"SELECT 1 FROM {self._table} LIMIT 0")  # noqa: S608 - quoted above
                return None
            cursor.execute(
                f"SELECT * FROM {self._table} WHERE `{self.column}` = %s LIMIT 1",  # noqa: S608 - as above
                (name,),
            )
            row = cursor.fetchone()
            return None if row is None else dict(zip(field_names(cursor), row, strict=True))

    def _is_final(self, error: Exception) -> bool:
        return isinstance(error, pymysql.MySQLError) and not _FINAL.isdisjoint(error.args[:1])

    def _text(self, error: Exception) -> str:
        return str(error.args[1]) if len(error.args) > 1 else str(error) or type(error).__name__
