"""Claims jobs from one source, never more than the worker has room for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Lease
from sockq.drivers.source import Source
from sockq.workers.outage import Outage, Verb
from sockq.workers.settler import now_seconds

#: Most jobs a claim asks for: on the plateau of Redis' cost per job, few enough for one loop turn.
BATCH = 128
#: What is asked of a source that was empty last time: idle sources share the room of the busy one.
PROBE = 16
#: How long a claim waits for a first job before the loop looks around.
WAIT_SECONDS = 5.0
#: … but only for this share of a lease, which counts from when the claim was asked for.
WAIT_SHARE = 1 / 3
#: The same behind an outage: an empty queue says too that it is over. Not 0, which leaves out the
#: wait at the server, and that may be what fails.
PROBE_SECONDS = 0.1
#: With little room, wait this long for more before claiming a few.
LINGER_SECONDS = 0.005


class Room:
    """How many more jobs the worker can hold, shared by its claimers."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._freed = asyncio.Event()

    @property
    def free(self) -> int:
        """Jobs that could be claimed now."""
        return self.limit - self.held

    def take(self, jobs: int) -> None:
        """Count claimed jobs."""
        self.held += jobs

    def give(self, jobs: int) -> None:
        """Count settled jobs."""
        self.held -= jobs
        if not self._freed.is_set():
            self._freed.set()

    async def wait(self) -> int:
        """Wait until there is room, with a little patience for a batch; return how much."""
        wanted = min(BATCH, self.limit) // 2
        if self.free < wanted:
            # Let settlements collect: claiming one by one would cost a round trip a job.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    while self.free < wanted:
                        self._freed.clear()
                        await self._freed.wait()
        while self.free <= 0:
            self._freed.clear()
            await self._freed.wait()
        return self.free


class Claimer:
    """The claim loop of one source.

    Args:
        source: What to claim from.
        owner: The name the leases are taken under.
        lease_seconds: The length of its leases.
        room: The worker's limit of held jobs.
        outage: Where trouble with the backend is reported.
        start: Called with the jobs of each claim and when it was asked for (``now_seconds``);
            must not block.
        on_answer: Called whenever the source answered, jobs or not.
    """

    def __init__(
        self,
        source: Source,
        owner: str,
        lease_seconds: float,
        room: Room,
        outage: Outage,
        start: Callable[[list[Lease], float], None],
        on_answer: Callable[[], None],
    ) -> None:
        self._source = source
        self._owner = owner
        self._wait_seconds = min(WAIT_SECONDS, WAIT_SHARE * lease_seconds)
        self._room = room
        self._outage = outage
        self._start = start
        self._on_answer = on_answer
        self._going = asyncio.Event()
        self._going.set()
        self._paused = self._held = False

    def pause(self) -> None:
        """Claim nothing more until ``resume``."""
        self._paused = True
        self._going.clear()

    def resume(self) -> None:
        """Claim again."""
        self._paused = False
        self._go()

    def hold(self, *, held: bool) -> None:
        """Claim nothing for a moment, for the worker's own sake; beside ``pause``."""
        self._held = held
        if held:
            self._going.clear()
        else:
            self._go()

    def _go(self) -> None:
        if not (self._paused or self._held):
            self._going.set()

    async def run(self) -> None:
        """Claim for ever; cancel to stop."""
        limit = PROBE
        while True:
            await self._going.wait()
            free = await self._room.wait()
            wait = PROBE_SECONDS if self._outage.failed(Verb.CLAIM) else self._wait_seconds
            asked_at = now_seconds()
            try:
                leases = await self._source.claim(min(free, limit), wait, self._owner)
            except (BackendUnavailable, BackendRefused) as error:
                await self._outage.wait(Verb.CLAIM, error)
                continue
            self._outage.over(Verb.CLAIM)
            self._on_answer()
            limit = BATCH if leases else PROBE
            if leases:
                self._room.take(len(leases))
                self._start(leases, asked_at)
