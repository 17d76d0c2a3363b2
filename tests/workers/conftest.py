"""Fixtures of the workers' tests."""

from __future__ import annotations

from support.sql_fixtures import mariadb, postgres, sql_server, table

__all__ = ["mariadb", "postgres", "sql_server", "table"]
