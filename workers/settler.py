"""Ends leases: settlements go to the source in batches, and what is held is extended.

One settler serves one source. A settlement is kept until the source has answered for it, however
long the backend is away; the worker stops claiming at its limit of held jobs, so that is bounded.
What is refused goes behind the others and is tried again for as long as it is held.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Sequence
from functools import partial

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SettlementRefused
from sockq.drivers.job import Lease, Settlement
from sockq.drivers.source import Source
from sockq.workers.outage import Outage, Verb

#: Leases go on while the machine sleeps; so does this clock, where there is one that does.
_LEASE_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
#: A full batch goes at once; Redis' cost per job is flat from 64 on (measured).
BATCH = 128
#: A lone settlement waits this long for company.
LINGER_SECONDS = 0.004


#: Seconds on the clock that leases go by.
now_seconds = partial(time.clock_gettime, _LEASE_CLOCK)


class Settler:
    """Collects settlements, sends them in batches, extends what is still held.

    Args:
        source: Where the leases come from.
        lease_seconds: Their length; they are extended every third of it.
        outage: Where trouble with the backend is reported and waited out.
        on_settled: Called with each batch and, for each, whether the lease was still ours.
        on_lost: Called with each lease that an extension found lost.
    """

    def __init__(
        self,
        source: Source,
        lease_seconds: float,
        outage: Outage,
        on_settled: Callable[[list[Settlement], list[bool]], None],
        on_lost: Callable[[Lease], None],
    ) -> None:
        self._source = source
        self._lease_seconds = lease_seconds
        self._outage = outage
        self._on_settled = on_settled
        self._on_lost = on_lost
        self._held: dict[str, Lease] = {}
        self._sure_until = 0.0
        self._joined_until = math.inf
        self._pending: list[Settlement] = []
        self._refused: list[Settlement] = []
        self._refused_due = False
        self._refused_batch = BATCH
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._unsure = asyncio.Event()
        self._closing = False

    @property
    def held(self) -> int:
        """Leases that the source still counts as ours, settlements under way included."""
        return len(self._held)

    def hold(self, leases: Sequence[Lease], claimed_at: float) -> None:
        """Keep claimed leases alive until they are settled.

        Args:
            leases: Of one claim.
            claimed_at: When it was asked for, by ``now_seconds``. The backend counts from later;
                when is not known: this process may have been frozen before it read the answer.
        """
        until = claimed_at + self._lease_seconds
        self._sure_until = min(self._sure_until, until) if self._held else until
        self._joined_until = min(self._joined_until, until)
        if until <= now_seconds():
            self._unsure.set()
        self._held.update([(lease.receipt, lease) for lease in leases])

    def keeps(self, lease: Lease) -> bool:
        """Whether a lease is ours for sure; else nothing new is to be begun for it.

        Not when a renewal found it lost, and not when none was confirmed for the length of a lease:
        the backend is away, or this process (or its machine) stood still.
        """
        return lease.receipt in self._held and now_seconds() <= self._sure_until

    def add(self, settlement: Settlement) -> None:
        """Settle soon, together with others."""
        pending = self._pending
        if not pending:
            self._wake.set()
        pending.append(settlement)
        if len(pending) >= BATCH:
            self._full.set()

    async def run(self) -> None:
        """Send batches until ``close`` was called and nothing is left."""
        while True:
            await self._wake.wait()
            try:
                if self._refused_due:
                    await self._settle_refused()
                elif self._pending:
                    await self._settle_pending()
            except BackendUnavailable as error:
                await self._outage.wait(Verb.SETTLE, error)
            if self._pending or self._refused_due:
                continue
            if not self._closing or self._refused:
                self._wake.clear()
            else:
                return

    async def _settle_pending(self) -> None:
        if len(self._pending) < BATCH and not self._closing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._full.wait()
        batch = self._pending[:BATCH]
        refusal = await self._send(batch, self._refused)
        del self._pending[: len(batch)]
        if len(self._pending) < BATCH:
            self._full.clear()
        if refusal is not None and not self._outage.failed(Verb.RESETTLE):
            self._try_again_later(refusal)
        self._outage.over(Verb.SETTLE)

    async def _settle_refused(self) -> None:
        """Try a batch of what was refused; a smaller one next time if nothing of it passes."""
        gone = [one for one in self._refused if one.lease.receipt not in self._held]
        if gone:  # an extension found them lost
            self._refused = [one for one in self._refused if one.lease.receipt in self._held]
            self._end(gone, [False] * len(gone))
        batch = self._refused[: self._refused_batch]
        left: list[Settlement] = []
        refusal = await self._send(batch, left)
        self._outage.over(Verb.SETTLE)
        self._refused[: len(batch)] = []
        self._refused += left
        if not left:
            self._refused_batch = min(BATCH, 2 * self._refused_batch)
        elif len(left) == len(batch):
            self._refused_batch = max(1, len(batch) // 2)
        if not self._refused:
            self._refused_due = False
            self._outage.over(Verb.RESETTLE)
        elif refusal is not None:
            self._refused_due = False
            self._try_again_later(refusal)

    def _try_again_later(self, refusal: BackendRefused) -> None:
        seconds = self._outage.note(Verb.RESETTLE, refusal)
        asyncio.get_running_loop().call_later(seconds, self._try_again)

    def _try_again(self) -> None:
        self._refused_due = True
        self._wake.set()

    async def _send(
        self, batch: list[Settlement], refused: list[Settlement]
    ) -> BackendRefused | None:
        """Settle a batch; what is refused of it goes to the end of ``refused``."""
        try:
            results = await self._source.settle(batch)
        except SettlementRefused as error:
            answers = list(zip(batch, error.results, strict=True))
            refused += [settlement for settlement, ours in answers if ours is None]
            ended = [(settlement, ours) for settlement, ours in answers if ours is not None]
            if ended:
                self._end([settlement for settlement, _ in ended], [ours for _, ours in ended])
            return error
        except BackendRefused as error:
            refused += batch
            return error
        self._end(batch, results)
        return None

    def _end(self, batch: list[Settlement], results: list[bool]) -> None:
        for settlement in batch:
            self._held.pop(settlement.lease.receipt, None)
        self._on_settled(batch, results)

    async def keep_alive(self) -> None:
        """Extend what is held at a third of a lease, for ever; at once when unsure of some."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._lease_seconds / 3):
                    await self._unsure.wait()
            self._unsure.clear()
            while not await self._extend_held():
                continue

    async def _extend_held(self) -> bool:
        """Extend what is held; False: once more."""
        leases = list(self._held.values())
        asked_at = now_seconds()
        self._joined_until = math.inf  # the ends of those that are claimed while it is under way
        if leases:
            try:
                kept = await self._source.extend(leases, self._lease_seconds)
            except (BackendUnavailable, BackendRefused) as error:
                await self._outage.wait(Verb.EXTEND, error)
                return False
            self._sure_until = min(asked_at + self._lease_seconds, self._joined_until)
            for lease, ours in zip(leases, kept, strict=True):
                # A lease may have been settled while the answer was on its way.
                if not ours and self._held.pop(lease.receipt, None) is not None:
                    self._on_lost(lease)
        self._outage.over(Verb.EXTEND)
        # Not sure yet: a claim's answer was read meanwhile that is older than a lease.
        return not self._held or now_seconds() <= self._sure_until

    def close(self) -> None:
        """Let ``run`` end as soon as nothing is pending."""
        self._closing = True
        self._full.set()
        self._wake.set()
