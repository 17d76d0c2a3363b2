"""The memory driver and a real broker process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from drivers.contract import MakeDriver, SourceContract  # noqa: TID251 - tests/drivers
from support.broker_process import BrokerProcess

from sockq.drivers.memory import MemoryDriver
from sockq.drivers.settings import MemorySettings
from sockq.drivers.source import Driver


class TestMemory(SourceContract):
    instant_wakeup_seconds = 0.1
    delay_resolution_seconds = 0.5

    @pytest.fixture
    async def make_driver(self, socket_dir: Path) -> AsyncIterator[MakeDriver]:
        path = socket_dir / "broker"
        async with AsyncExitStack() as cleanup:

            async def make(*, lease_seconds: float = 30.0) -> Driver:
                if not path.exists():
                    cleanup.enter_context(BrokerProcess(path, lease_seconds=lease_seconds))
                driver = MemoryDriver(MemorySettings(path))
                await driver.open()
                cleanup.push_async_callback(driver.close)
                return driver

            yield make
