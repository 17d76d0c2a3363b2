"""App stores: the databases where a server keeps its apps. One look-up, blocking, for a thread."""

from __future__ import annotations

import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

#: Connections, and threads, of one worker: a look-up takes a millisecond and is then remembered.
CONNECTIONS: Final = 4
CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 5.0


class Shape(StrEnum):
    """Whose tables they are: their columns, and what an app is looked up by."""

    SOCKUDO = "sockudo"
    SOKETI = "soketi"


@dataclass(frozen=True, slots=True)
class SqlStoreSettings:
    """A table of a SQL server; the defaults are Sockudo's.

    Attributes:
        table: For PostgreSQL also ``schema.table``.
        shape: Sockudo's apps are found by id, soketi's by key, as these servers do.
    """

    host: str = "localhost"
    port: int = 3306
    username: str = "root"
    password: str = field(default="", repr=False)
    database: str = "sockudo"
    table: str = "applications"
    shape: Shape = Shape.SOCKUDO

    @property
    def place(self) -> str:
        """The table for a human: no password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.username}@{host}:{self.port}/{self.database} table {self.table}"


@dataclass(frozen=True, slots=True)
class MySqlStoreSettings(SqlStoreSettings):
    """MySQL or MariaDB."""


@dataclass(frozen=True, slots=True)
class PostgresStoreSettings(SqlStoreSettings):
    """PostgreSQL. The port is Sockudo's default for it too; PostgreSQL's own is 5432."""


@dataclass(frozen=True, slots=True)
class DynamoStoreSettings:
    """A DynamoDB table. What is None is looked for as AWS clients do: variables, profile, role."""

    region: str = "us-east-1"
    table: str = "sockudo-applications"
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    profile: str | None = None
    shape: Shape = Shape.SOCKUDO

    @property
    def place(self) -> str:
        """The table for a human."""
        at = f" at {self.endpoint_url}" if self.endpoint_url else ""
        return f"{self.region}{at} table {self.table}"


AppStoreSettings = MySqlStoreSettings | PostgresStoreSettings | DynamoStoreSettings


class _Kind(NamedTuple):
    """Name, module and class of a store; what it imports, and the extra that brings it."""

    name: str
    module: str
    store: str
    library: str
    extra: str = ""


_KINDS: Final = {
    MySqlStoreSettings: _Kind("mysql", "app_store_mysql", "MySqlStore", "pymysql", "mysql"),
    PostgresStoreSettings: _Kind(
        "pgsql", "app_store_postgres", "PostgresStore", "psycopg", "postgres"
    ),
    DynamoStoreSettings: _Kind("dynamodb", "app_store_dynamodb", "DynamoStore", "boto3"),
}


class AppStore(ABC):
    """One table. Its methods block, for a bounded time, and may run in several threads at once.

    Attributes:
        label: ``mysql root@localhost:3306/sockudo table applications``, for a human.
    """

    label: str

    @abstractmethod
    def check(self) -> None:
        """See that the table can be read.

        Raises:
            BackendUnavailable: Not now.
            BackendRefused: Never with these settings.
        """

    @abstractmethod
    def read(self, name: str) -> Mapping[str, object] | None:
        """The record of one app, as its columns are; None when there is none.

        Args:
            name: The app's id; for soketi's tables its key.

        Raises:
            BackendUnavailable: The store cannot be asked now.
            BackendRefused: It says no.
        """

    @abstractmethod
    def close(self) -> None:
        """Close what is open and unused."""


def make_store(settings: AppStoreSettings) -> AppStore:
    """The store of these settings; nothing is opened yet."""
    module = importlib.import_module(store_module(settings))
    store: AppStore = getattr(module, _KINDS[type(settings)].store)(settings)
    return store


def store_module(settings: AppStoreSettings) -> str:
    """The module that ``make_store`` imports."""
    return f"sockq.workers.{_KINDS[type(settings)].module}"


def label_of(settings: AppStoreSettings) -> str:
    """The store for a human, without its password."""
    return f"{_KINDS[type(settings)].name} {settings.place}"


def missing_extra(settings: AppStoreSettings) -> str | None:
    """Of the extras, the one that is not installed and that this store needs; else None."""
    kind = _KINDS[type(settings)]
    return None if importlib.util.find_spec(kind.library) is not None else kind.extra
