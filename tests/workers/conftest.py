"""Fixtures of the workers' tests."""

from __future__ import annotations

from support.engine_fixtures import engine
from support.sql_fixtures import mariadb, postgres, sql_server, table
from support.sqs_fixtures import _sqs_process, sqs_server
from support.worker_bench import broker

__all__ = [
    "_sqs_process",
    "broker",
    "engine",
    "mariadb",
    "postgres",
    "sql_server",
    "sqs_server",
    "table",
]
