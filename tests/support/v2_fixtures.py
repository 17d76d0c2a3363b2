"""The fixture of Sockudo 5 queues; import it into a test module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from support.redis_server import RedisServer
from support.v2_queue import Queue, V2Driver

from sockq.drivers.settings import LeaseSettings, ReliabilitySettings

__all__ = ["OpenQueue", "open_queue"]


class OpenQueue(Protocol):
    """Opens the test's own queue once more."""

    async def __call__(
        self,
        *,
        lease: LeaseSettings = ...,
        reliability: ReliabilitySettings = ...,
    ) -> Queue: ...


@pytest.fixture
async def open_queue(redis_server: RedisServer, redis_prefix: str) -> AsyncIterator[OpenQueue]:
    """See ``OpenQueue``; closed at the end."""
    opened: list[V2Driver] = []

    async def make(
        *, lease: LeaseSettings | None = None, reliability: ReliabilitySettings | None = None
    ) -> Queue:
        driver = V2Driver(redis_server.url, lease, reliability, redis_prefix)
        opened.append(driver)
        await driver.open()
        return Queue(driver.source, driver.client)

    yield make
    for driver in opened:
        await driver.close()
