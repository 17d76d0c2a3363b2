"""How a claim waits on a v1 list: at the server for new jobs, in slices for those made ready."""

from __future__ import annotations

import asyncio
import time
from typing import Final, NamedTuple

from sockq.drivers.errors import BackendRefused
from sockq.drivers.redis_client import RedisClient
from sockq.drivers.sockudo_v1_format import Keys

#: Jobs that others made ready are noticed within this time, in a source that was busy lately…
_ACTIVE_SLICE_SECONDS: Final = 0.25
_ACTIVE_FOR_SECONDS: Final = 60.0
#: … in one that has had jobs, or whose jobs are with others or delayed…
_IDLE_SLICE_SECONDS: Final = 1.0
#: … and in one of which no job has ever been seen: the second of two spellings of a key, say.
_UNUSED_SLICE_SECONDS: Final = 2.5
#: A shorter block would be rounded to 0 by older servers: for ever.
_SHORTEST_BLOCK_SECONDS: Final = 0.005


class Outlook(NamedTuple):
    """What may become ready without a server's push.

    Attributes:
        next_due_seconds: Until the next delayed job is due; None: there is none.
        busy: Whether anybody holds a job.
    """

    next_due_seconds: float | None
    busy: bool


class Waiting:
    """Waits for the next look at a list."""

    def __init__(self, client: RedisClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._question = ("EXISTS", keys.list, keys.intake, keys.front, keys.ready, keys.delayed)
        self._active_until: float | None = None
        self._can_block = True

    def note_activity(self) -> None:
        """Jobs were claimed: look more often for a while."""
        self._active_until = time.monotonic() + _ACTIVE_FOR_SECONDS

    async def wait(self, left_seconds: float, outlook: Outlook) -> bool:
        """Return True when a look is worth while: a job came, is due or was made ready by others.

        False: ``left_seconds`` are over and nothing came.

        A job that comes is moved to the intake in the same step in which it is seen: it is in our
        custody whatever happens to this call or its answer.
        """
        deadline = time.monotonic() + left_seconds
        due_seconds = outlook.next_due_seconds
        quiet = False
        while left_seconds > 0:
            seconds = slice_seconds(time.monotonic(), self._active_until, outlook)
            if due_seconds is not None and due_seconds <= min(seconds, left_seconds):
                await self._block(due_seconds)
                return True
            # A claim that finds nothing costs both sides several times as much as a question, and
            # a question in one turn with the next block less still; a job that comes soon would
            # only have to wait for it.
            seconds = min(seconds, left_seconds)
            if await (self._block_and_ask(seconds) if quiet else self._block(seconds)):
                return True
            if not quiet and await self._ask():
                return True
            quiet = True
            left_seconds = deadline - time.monotonic()
        return False

    async def _block(self, seconds: float) -> bool:
        """Return whether a job came."""
        if not self._is_blocking(seconds):
            await asyncio.sleep(seconds)
            return False
        try:
            return await self._client.blocking(*self._take(seconds)) is not None
        except BackendRefused as error:
            return self._do_without(error)

    async def _block_and_ask(self, seconds: float) -> bool:
        """Return whether a job came or was made ready by others."""
        if not self._is_blocking(seconds):
            await asyncio.sleep(seconds)
            return await self._ask()
        try:
            moved, there = await self._client.blocking_then(self._take(seconds), self._question)
        except BackendRefused as error:
            return self._do_without(error)
        return moved is not None or there > 0

    async def _ask(self) -> bool:
        return bool(await self._client.command(*self._question))

    def _take(self, seconds: float) -> tuple[str, ...]:
        keys = self._keys
        return "BLMOVE", keys.list, keys.intake, "LEFT", "RIGHT", f"{seconds:.3f}"

    def _is_blocking(self, seconds: float) -> bool:
        return self._can_block and seconds >= _SHORTEST_BLOCK_SECONDS

    def _do_without(self, error: BackendRefused) -> bool:
        if "unknown command" not in str(error):
            raise error
        self._can_block = False  # before 6.2: look in slices only
        return False


def slice_seconds(now: float, active_until: float | None, outlook: Outlook) -> float:
    """Return after what time to look for jobs that others made ready.

    Args:
        now: By the clock of ``active_until``.
        active_until: When this source stops being one that was busy lately; None: it never was.
        outlook: What the last look saw.
    """
    if active_until is not None and now < active_until:
        return _ACTIVE_SLICE_SECONDS
    if active_until is not None or outlook.busy or outlook.next_due_seconds is not None:
        return _IDLE_SLICE_SECONDS
    return _UNUSED_SLICE_SECONDS
