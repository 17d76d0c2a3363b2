"""Open connections of a SQL store, one look-up at a time on each, renewed when they broke."""

from __future__ import annotations

import contextlib
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.workers.answer import one_line
from sockq.workers.app_store import (
    AppStore,
    MySqlStoreSettings,
    PostgresStoreSettings,
    Shape,
    label_of,
)

#: Firewalls and servers forget connections that are silent; one is not used again after this.
IDLE_SECONDS: Final = 60.0


class _Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


class SqlStore(AppStore, Generic[C]):
    """A store that speaks SQL. What differs between servers is for its subclasses to say."""

    def __init__(self, settings: MySqlStoreSettings | PostgresStoreSettings) -> None:
        self.settings = settings
        self.label = label_of(settings)
        self.column = "id" if settings.shape is Shape.SOCKUDO else "key"
        self._idle: deque[tuple[C, float]] = deque()  # its ends are safe to use from threads

    @abstractmethod
    def _connect(self) -> C:
        """Open a connection, in autocommit."""

    @abstractmethod
    def _fetch(self, connection: C, name: str | None) -> Mapping[str, object] | None:
        """Look one row up. None for ``name``: only see that the table is there."""

    @abstractmethod
    def _is_final(self, error: Exception) -> bool:
        """Whether the same would come again: wrong password, no right, no such database."""

    @abstractmethod
    def _text(self, error: Exception) -> str:
        """The server's own words."""

    def check(self) -> None:
        """See that the table can be read."""
        self._ask(None)

    def read(self, name: str) -> Mapping[str, object] | None:
        """The row of one app."""
        return self._ask(name)

    def close(self) -> None:
        """Close what is idle."""
        with contextlib.suppress(IndexError):
            while True:
                self._drop(self._idle.pop()[0])

    def _ask(self, name: str | None) -> Mapping[str, object] | None:
        connection: C | None = self._reusable()
        if connection is not None:
            try:
                return self._use(connection, name)
            except Exception as error:  # it may have died while it was idle: again
                if self._is_final(error):
                    raise self._error(error) from None
        try:
            return self._use(self._connect(), name)
        except Exception as error:
            raise self._error(error) from None

    def _use(self, connection: C, name: str | None) -> Mapping[str, object] | None:
        try:
            row = self._fetch(connection, name)
        except BaseException:
            self._drop(connection)
            raise
        self._idle.append((connection, time.monotonic()))
        return row

    def _reusable(self) -> C | None:
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - since < IDLE_SECONDS:
                return connection
            self._drop(connection)

    def _drop(self, connection: C) -> None:
        with contextlib.suppress(Exception):
            connection.close()

    def _error(self, error: Exception) -> BackendUnavailable | BackendRefused:
        kind = BackendRefused if self._is_final(error) else BackendUnavailable
        text = self._text(error)
        if self.settings.password:
            text = text.replace(self.settings.password, "***")
        return kind(f"app store {self.label}: {one_line(text)}")


def field_names(cursor: Any) -> list[str]:
    """The names of a result's columns (DB-API)."""
    return [column[0] for column in cursor.description]
