"""How a claim waits on a v1 list: at the server for new jobs, in slices for those made ready."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from sockq.drivers.errors import BackendRefused
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.sockudo_v1_format import Keys

#: Jobs that others made ready are noticed within this time, in a source that was busy lately…
_ACTIVE_SLICE_SECONDS: Final = 0.25
_ACTIVE_FOR_SECONDS: Final = 60.0
#: … and in one that was not.
_IDLE_SLICE_SECONDS: Final = 1.0
#: A shorter block would be rounded to 0 by older servers: for ever.
_SHORTEST_BLOCK_SECONDS: Final = 0.005


class Waiting:
    """Waits for the next look at a list."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._active_until = 0.0
        self._can_block = True

    def note_activity(self) -> None:
        """Jobs were claimed: look more often for a while."""
        self._active_until = time.monotonic() + _ACTIVE_FOR_SECONDS

    async def wait(self, left_seconds: float, next_due_seconds: float | None) -> None:
        """Return when a look is worth while: a job came, is due, or a slice of the time is over.

        A job that comes is moved to the intake in the same step in which it is seen: it is in our
        custody whatever happens to this call or its answer.
        """
        active = time.monotonic() < self._active_until
        seconds = min(left_seconds, _ACTIVE_SLICE_SECONDS if active else _IDLE_SLICE_SECONDS)
        if next_due_seconds is not None:
            seconds = min(seconds, next_due_seconds)
        if seconds < _SHORTEST_BLOCK_SECONDS or not self._can_block:
            await asyncio.sleep(seconds)
            return
        try:
            await self._client.blocking(
                "BLMOVE", self._keys.list, self._keys.intake, "LEFT", "RIGHT", f"{seconds:.3f}"
            )
        except BackendRefused as error:
            if "unknown command" not in str(error):
                raise
            self._can_block = False  # before 6.2: look in slices only
