"""How a claim waits on all queues at once: for the next event of any of their event streams.

However a job becomes ready, that is an event: added, its delay over, given back, queue resumed.
Reading a stream takes nothing away, unlike the blocking pop of BullMQ's workers, which needs a
connection for each queue and leaves a job without a lock for a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from sockq.drivers.redis_client import RedisClient

#: How long to trust that whatever makes a job ready is an event.
_SLICE_SECONDS: Final = 5.0
#: Most events are no new jobs for us but others' progress. A wait that such an event ended is
#: followed by a pause, so that idle workers cost little beside busy ones.
_FIRST_PAUSE_SECONDS: Final = 0.005
_LONGEST_PAUSE_SECONDS: Final = 0.05
#: A block of 0 ms would never end.
_SHORTEST_BLOCK_SECONDS: Final = 0.001


class Waiting:
    """The waits of one claim.

    Args:
        client: The connection.
        streams: The event stream of each queue.
    """

    def __init__(self, client: RedisClient, streams: Sequence[str]) -> None:
        self._client = client
        self._streams = streams
        self._pause_seconds = 0.0

    async def wait(
        self, last_events: Sequence[bytes], left_seconds: float, next_due_seconds: float | None
    ) -> None:
        """Return when a look is worth while: an event came, a job is due, or a slice is over.

        Args:
            last_events: Of each stream, the id of its last event when there was no job.
            left_seconds: Of the claim's time.
            next_due_seconds: Until the next delayed job is due.
        """
        until = min(left_seconds, _SLICE_SECONDS)
        if next_due_seconds is not None:
            until = min(until, next_due_seconds)
        deadline = time.monotonic() + until
        if self._pause_seconds:
            await asyncio.sleep(min(self._pause_seconds, until))
        seconds = deadline - time.monotonic()
        if seconds < _SHORTEST_BLOCK_SECONDS:
            await asyncio.sleep(max(0.0, seconds))
            return
        began = time.monotonic()
        block_ms = int(seconds * 1000)
        await self._client.blocking(
            "XREAD", "COUNT", 1, "BLOCK", block_ms, "STREAMS", *self._streams, *last_events
        )
        if time.monotonic() - began > _LONGEST_PAUSE_SECONDS:
            self._pause_seconds = 0.0  # it is quiet: look at once
        else:
            self._pause_seconds = min(
                max(_FIRST_PAUSE_SECONDS, 2 * self._pause_seconds), _LONGEST_PAUSE_SECONDS
            )
