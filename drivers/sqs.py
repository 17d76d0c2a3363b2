"""The driver for Amazon SQS: one queue, standard or FIFO, and its dead-letter queue.

What SQS cannot do, and what stands in for it:

- A receipt handle says nothing of its owner, and SQS takes some that are out of date: who holds
  what is kept by sockq itself (``sqs_book``), shared through ``SqsSettings.journal``.
- A message cannot be changed: a job that goes on is sent again with its state in message
  attributes, then deleted. On a FIFO queue it waits in its place instead (``sqs_settle``).
- Receives are counted, not attempts: attempts travel with the job, and every receive beyond them
  is a crash of its owner.
- Counts are approximate, and the age of the oldest message is not told.
- Delays and leases are whole seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError
from sockq.drivers.job import Lease, NewJob, Settlement
from sockq.drivers.job_mark import Marks
from sockq.drivers.settings import SqsSettings
from sockq.drivers.source import DeadPage, Dialect, Driver, QueueStats, Source
from sockq.drivers.sqs_book import Book
from sockq.drivers.sqs_claim import Handing
from sockq.drivers.sqs_client import SqsClient
from sockq.drivers.sqs_dead import DeadLetters
from sockq.drivers.sqs_enqueue import enqueue
from sockq.drivers.sqs_errors import SqsRefused
from sockq.drivers.sqs_inbox import Inbox
from sockq.drivers.sqs_lanes import Lanes
from sockq.drivers.sqs_parts import Parts
from sockq.drivers.sqs_queues import Queues
from sockq.drivers.sqs_reclaim import Reclaiming
from sockq.drivers.sqs_records import Records
from sockq.drivers.sqs_settle import Settling

#: Counts are asked for at most so often.
_COUNTS_SECONDS: Final = 1.0
#: Longest that closing waits for messages to go back.
_CLOSE_SECONDS: Final = 3.0


class SqsDriver(Driver):
    """Opens one queue.

    Args:
        settings: Where, and which queue.
    """

    name = "sqs"

    def __init__(self, settings: SqsSettings) -> None:
        self._settings = settings
        self._client = SqsClient(settings)
        self._source: SqsSource | None = None
        self.sources: list[Source] = []

    async def open(self) -> None:
        """See ``Driver.open``."""
        settings = self._settings
        if not (1 <= settings.max_messages <= 10 and 0 <= settings.wait_time_seconds <= 20):  # noqa: PLR2004 - SQS' limits
            raise BackendRefused("SQS: max_messages is 1 to 10, wait_time_seconds 0 to 20")
        await self._client.open()
        queues = Queues(self._client, settings)
        await queues.open()
        self._source = SqsSource(self._client, queues, settings)
        self._source.open()
        self.sources = [self._source]

    async def close(self) -> None:
        """See ``Driver.close``. Gives back what nobody works on."""
        if self._client.closed:
            return
        if self._source is not None:
            with contextlib.suppress(SockqError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._source.give_back()
        self._client.close()
        if self._source is not None:
            self._source.close()


class SqsSource(Source):
    """One queue.

    Args:
        client: Open.
        queues: Open.
        settings: Of the driver.
    """

    def __init__(self, client: SqsClient, queues: Queues, settings: SqsSettings) -> None:
        self.name = queues.name
        self.dialect: Dialect = settings.dialect
        self._client = client
        self._queues = queues
        self._settings = settings
        directory: Path | None = settings.journal / queues.name if settings.journal else None
        self._records = Records(directory)
        self._book = Book(directory)
        lease_seconds = settings.lease.lease_seconds
        parts = Parts(client, queues, self._book, self._records, Lanes())
        self._inbox = Inbox(parts, settings)
        self._settling = Settling(parts, lease_seconds)
        self._handing = Handing(parts, self._inbox, self._settling, lease_seconds)
        self._dead = DeadLetters(client, queues)
        self._reclaiming = Reclaiming(parts)
        self._stats = QueueStats()
        self._stats_until = 0.0

    def open(self) -> None:
        """Make the journal's directory.

        Raises:
            BackendRefused: it cannot be made.
        """
        try:
            self._records.open()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise BackendRefused(
                f"the directory {self._settings.journal} for the journal of SQS leases cannot be "
                f"made: {reason}; correct the fleet's directory"
            ) from None

    async def claim(self, limit: int, wait_seconds: float, owner: str) -> list[Lease]:
        """See ``Source.claim``. On a FIFO queue at most one job of each message group."""
        deadline = time.monotonic() + wait_seconds
        inbox = self._inbox
        looked = False
        with inbox.claiming():
            while True:
                self._refuse_closed()
                leases = await self._handing.take(limit, owner)
                now = time.monotonic()
                if leases or (looked and not inbox.looks and now >= deadline):
                    return leases
                left = deadline - now
                if left >= 1 or not looked:
                    inbox.want(limit, left)
                    looked = True
                due = self._handing.next_due()
                until = deadline if due is None else min(deadline, due)
                # An answer that is on its way is waited for, however short the time was.
                patience = self._settings.response_timeout_seconds if inbox.looks else 0.0
                await inbox.wait(max(until - now, patience))

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See ``Source.settle``."""
        self._refuse_closed()
        results = await self._settling.settle(settlements)
        self._inbox.wake()  # a message group may go on
        return results

    async def extend(self, leases: Sequence[Lease], seconds: float) -> list[bool]:
        """See ``Source.extend``."""
        self._refuse_closed()
        return await self._reclaiming.extend(leases, seconds)

    async def reclaim(self, owner: str | None, *, blamed: Marks = frozenset()) -> int:
        """See ``Source.reclaim``. Without a journal, of this process' leases only.

        SQS counts receives and nothing else: a receive that no record of ours explains counts as a
        crash. So a lease that expires where its journal cannot be read (another host's) does too.
        """
        self._refuse_closed()
        if owner is None:
            return await self._reclaiming.sweep()
        return await self._reclaiming.give_back(owner, blamed)

    async def stats(self) -> QueueStats:
        """See ``Source.stats``; approximate, and at most a second old."""
        self._refuse_closed()
        if time.monotonic() >= self._stats_until:
            self._stats = await self._counted()
            self._stats_until = time.monotonic() + _COUNTS_SECONDS
        return self._stats

    async def _counted(self) -> QueueStats:
        try:
            ready, in_flight, delayed = await self._queues.counts(self._queues.url)
            dead_url = await self._queues.dead_if_any()
            dead = sum(await self._queues.counts(dead_url)) if dead_url else 0
        except SqsRefused as error:
            if error.no_right:
                return QueueStats()
            raise
        held = min(self._book.held(), in_flight)
        return QueueStats(ready=ready, leased=in_flight - held, delayed=delayed + held, dead=dead)

    async def enqueue(self, jobs: Sequence[NewJob], delay_seconds: float = 0.0) -> list[str]:
        """See ``Source.enqueue``.

        An explicit id is kept; a FIFO queue drops a second job of the same id within five
        minutes, a standard queue does not.

        Raises:
            BackendRefused: SQS cannot carry the job, or cannot delay it (FIFO).
        """
        self._refuse_closed()
        return await enqueue(self._client, self._queues, self._settings, jobs, delay_seconds)

    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        """See ``Source.dead_letters``; waits for those that another process looks at now."""
        self._refuse_closed()
        return await self._dead.page(cursor, limit)

    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """See ``Source.replay``."""
        self._refuse_closed()
        return await self._dead.replay(ids, payloads)

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source.drop``."""
        self._refuse_closed()
        return await self._dead.drop(ids)

    async def trim_dead(self, most: int, older_than_seconds: float) -> int:
        """See ``Source.trim_dead``.

        A look costs a request for every ten letters, so it is taken only when there are too many by
        SQS's count, once a minute at most, and for those that are too old once an hour: a
        dead-letter queue that sockq has created ends these by itself.
        """
        self._refuse_closed()
        return await self._dead.trim(most, older_than_seconds)

    async def give_back(self) -> None:
        """Make visible again what is here and nobody works on."""
        await self._reclaiming.give_back_waiting(self._inbox)

    def close(self) -> None:
        """End the claims that wait; verbs raise BackendUnavailable from now on."""
        self._inbox.wake()
        self._book.close()

    def _refuse_closed(self) -> None:
        if self._client.closed:
            raise BackendUnavailable(f"{self._client.where}: this driver is closed")
