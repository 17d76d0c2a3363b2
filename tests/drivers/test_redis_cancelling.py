"""A cancelled verb ends as cancelled, also where the client library drops the cancellation."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from support.redis_server import RedisServer

from sockq.drivers.redis_client import RedisClient, connect
from sockq.drivers.settings import RedisSettings


class Dropping:
    """Answers instead of being cancelled, as wait_for does before Python 3.12."""

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails

    async def execute_command(self, *_: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self._fails:
                raise ConnectionResetError from None
            return b"PONG"

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("fails", [False, True])
async def test_a_dropped_cancellation_is_taken_up(fails: bool) -> None:
    executor = Dropping(fails=fails)
    client = RedisClient(executor, executor, "somewhere")
    task = asyncio.create_task(client.ping())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await client.ping()


async def test_a_task_that_is_cancelled_at_any_moment_ends(redis_server: RedisServer) -> None:
    chance = random.Random(3)
    client = connect(RedisSettings(redis_server.url))

    async def work() -> None:
        while True:
            await client.ping()

    for _ in range(300):
        task = asyncio.create_task(work())
        await asyncio.sleep(chance.random() * 0.002)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2.0)
        assert done, "it goes on"
    await client.close()
