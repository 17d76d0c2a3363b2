"""Keeps the dead letters within their bounds: the oldest go first, and are counted."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from sockq.drivers.errors import SockqError
from sockq.drivers.settings import LeaseSettings
from sockq.drivers.source import Driver
from sockq.supervisor import board_words as words
from sockq.supervisor.queue_board import QueueBoard
from sockq.workers.logs import Event, Log

#: How often a look is taken. SQS asks its server less often (``SqsSource.trim_dead``).
_EVERY_SECONDS: Final = 10.0
#: Between two steps of one look, so that the backend has time for others.
_STEP_SECONDS: Final = 0.05
#: The log has the first trimming, then one line for all that follow within this long.
_TOLD_SECONDS: Final = 600.0


class Trimming:
    """Of all sources of a driver, by the janitor.

    Args:
        driver: Open.
        lease: How many letters are kept, and for how long.
        board: Where they are counted.
        log: Where it is told.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        driver: Driver,
        lease: LeaseSettings,
        board: QueueBoard,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._driver = driver
        self._lease = lease
        self._board = board
        self._log = log
        self._clock = clock
        self._untold = 0
        self._tell_at = 0.0

    async def trim_for_ever(self) -> None:
        """Look now and then. An outage is told by the sweep, which meets it too."""
        while True:
            await self.trim()
            # Jitter: the janitors of a large fleet must not come to the backend together.
            await asyncio.sleep(_EVERY_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    async def trim(self) -> int:
        """Trim every source that answers; return how many letters went."""
        trimmed = 0
        for source in self._driver.sources:
            try:
                while step := await source.trim_dead(
                    self._lease.dead_limit, self._lease.dead_seconds
                ):
                    self._board.add(words.QUEUE_TRIMMED, step)
                    trimmed += step
                    await asyncio.sleep(_STEP_SECONDS)
            except SockqError:
                continue
        self._tell(trimmed)
        return trimmed

    def _tell(self, trimmed: int) -> None:
        self._untold += trimmed
        if not self._untold or self._clock() < self._tell_at:
            return
        self._log.warning(
            Event.DEAD_TRIMMED,
            letters=self._untold,
            most=self._lease.dead_limit or None,
            days=self._lease.dead_seconds / 86_400 or None,
            next="replay or drop them sooner, or raise sockq.dead_limit and sockq.dead_days",
        )
        self._untold = 0
        self._tell_at = self._clock() + _TOLD_SECONDS
