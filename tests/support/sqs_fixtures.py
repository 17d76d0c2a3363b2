"""Fixtures of SQS servers; import them into a conftest.py.

A session (each process of a parallel run) has one server; tests keep apart by queue name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from support.sqs_server import SqsServer

__all__ = ["sqs_client", "sqs_queue", "sqs_server"]


@pytest.fixture(scope="session")
def _sqs_process() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


@pytest.fixture
def sqs_server(_sqs_process: SqsServer, monkeypatch: pytest.MonkeyPatch) -> SqsServer:
    """moto's server, and credentials for it in the environment."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SqsServer.environment.items():
        monkeypatch.setenv(name, value)
    return _sqs_process


@pytest.fixture
def sqs_queue() -> str:
    """A queue name that no other test uses."""
    return f"q{uuid4().hex[:12]}"


@pytest.fixture
def sqs_client(sqs_server: SqsServer) -> Iterator[Any]:
    """A client of the server, as a producer or an operator has one."""
    client = boto3.client("sqs", region_name="us-east-1", endpoint_url=sqs_server.url)
    yield client
    client.close()
