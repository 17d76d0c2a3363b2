"""Fixtures of SQL servers; import them into a conftest.py.

A session (each process of a parallel run) has one server of a kind, when a test wants it; tests
keep apart by table.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from support.sql_servers import MariaDb, Postgres, SqlServer

__all__ = ["mariadb", "postgres", "sql_server", "table"]


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """MariaDB."""
    with MariaDb() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL."""
    with Postgres() as server:
        yield server


@pytest.fixture(params=["mariadb", "postgres"])
def sql_server(request: pytest.FixtureRequest) -> SqlServer:
    """Both, one after the other."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, SqlServer)
    return server


@pytest.fixture
def table() -> str:
    """The name of a table that no other test uses."""
    return f"t{uuid4().hex[:12]}"
