"""Engines for tests; import the fixture into a conftest.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sockq.workers.engine import Engine
from sockq.workers.proxy import Proxies
from sockq.workers.settings import EngineSettings

#: No proxy, whatever the environment says.
DIRECT = Proxies({})


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """An engine with its default settings on the test's loop; closed after it."""
    engine = Engine(EngineSettings(), asyncio.get_running_loop(), proxies=DIRECT)
    yield engine
    await engine.close()
