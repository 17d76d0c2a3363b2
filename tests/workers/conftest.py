"""Fixtures of the workers' tests."""

from __future__ import annotations

from support.sql_fixtures import mariadb, postgres, sql_server, table
from support.sqs_fixtures import _sqs_process, sqs_server

__all__ = ["_sqs_process", "mariadb", "postgres", "sql_server", "sqs_server", "table"]
