"""What system tests share: a private Redis each, and pushing jobs as a server does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis as redis_client
from support.redis_server import RedisServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/system/" in str(item.path):
            item.add_marker(pytest.mark.system)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis of its own: system tests stop it, freeze it and wipe keys."""
    started = RedisServer()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis_client.Redis]:
    """A plain client of ``server``, as a producer or an operator has one."""
    with redis_client.Redis.from_url(server.url) as connected:
        yield connected
