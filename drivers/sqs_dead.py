"""The dead-letter queue: listed, put back, removed, trimmed.

Each is a scan of the queue. Pages after the first come from the scan that the first page made, as
long as it is fresh.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from sockq.drivers.errors import SockqError
from sockq.drivers.job import Lease
from sockq.drivers.source import DeadPage
from sockq.drivers.sqs_client import SqsClient
from sockq.drivers.sqs_dead_scan import Scan
from sockq.drivers.sqs_letter import Key, Letter, key_of
from sockq.drivers.sqs_message import Message, attributes, entry, hash_of, name_of
from sockq.drivers.sqs_queues import Queues

#: How long a scan is believed.
_FRESH_SECONDS: Final = 30.0
#: How often letters that are too many, or too old, are looked for at most.
_MANY_SECONDS: Final = 60.0
_OLD_SECONDS: Final = 3600.0
#: Payload that a scan keeps in memory; with more, it keeps the page that was asked for.
_MOST_BYTES: Final = 64 << 20

#: Replays or drops letters; returns the ids of those that may go.
_Use = Callable[[Sequence[Letter]], Awaitable[set[str]]]


class DeadLetters:
    """The dead letters of one queue.

    Args:
        client: Open.
        queues: Open.
    """

    def __init__(self, client: SqsClient, queues: Queues) -> None:
        self._client = client
        self._queues = queues
        self._many_at = self._old_at = 0.0
        self._seen: list[Letter] = []
        self._seen_until = 0.0
        self._unseen = 0
        self._scanning = asyncio.Lock()

    async def page(self, cursor: str | None, limit: int) -> DeadPage:
        """See ``Source.dead_letters``."""
        after = key_of(cursor)
        async with self._scanning:
            if cursor is None or time.monotonic() >= self._seen_until:
                await self._look(after, limit)
            rest = [letter for letter in self._seen if after is None or letter.key > after]
        more = len(rest) > limit
        shown = rest[:limit]
        next_cursor = f"{shown[-1].key[0]}:{shown[-1].key[1]}" if more and shown else None
        return DeadPage([letter.shown() for letter in shown], next_cursor, self._unseen)

    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """See ``Source.replay``: each is sent to the queue, then deleted."""
        return await self._use(ids, partial(self._send, payloads or {}))

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source.drop``."""

        async def nothing(letters: Sequence[Letter]) -> set[str]:
            return {letter.message.id for letter in letters}

        return await self._use(ids, nothing)

    async def trim(self, most: int, older_than_seconds: float) -> int:
        """See ``Source.trim_dead``."""
        url = await self._queues.dead_if_any()
        if url is None:
            return 0
        count = sum(await self._queues.counts(url))
        now = time.monotonic()
        many = bool(most) and count > most and now >= self._many_at
        old = bool(older_than_seconds) and count > 0 and now >= self._old_at
        if not many and not old:
            return 0
        self._many_at = now + _MANY_SECONDS
        self._old_at = now + _OLD_SECONDS
        oldest_ms = int((time.time() - older_than_seconds) * 1000) if older_than_seconds else 0
        async with self._scanning:
            return await self._remove_beyond(url, most, oldest_ms)

    async def _look(self, after: Key | None, limit: int) -> None:
        """Read all, wherever they are."""
        self._seen, self._seen_until, self._unseen = [], 0.0, 0
        url = await self._queues.dead_if_any()
        if url is None:
            return
        letters: list[Letter] = []
        size = 0
        complete = True
        async with Scan(self._client, self._queues, url) as scan:
            async for batch in scan.batches():
                letters += batch
                size += sum(len(letter.message.body or b"") for letter in batch)
                if size > _MOST_BYTES:
                    complete = False
                    wanted = (x for x in letters if after is None or x.key > after)
                    letters = heapq.nsmallest(limit + 1, wanted, key=lambda x: x.key)
                    size = sum(len(x.message.body or b"") for x in letters)
        self._unseen = scan.unseen
        self._seen = sorted(letters, key=lambda x: x.key)
        self._seen_until = time.monotonic() + _FRESH_SECONDS if complete else 0.0

    async def _remove_beyond(self, url: str, most: int, oldest_ms: int) -> int:
        """Remove the oldest of what is too much, and what is too old; return how many that were.

        What others hold in this moment is counted by them or the next time.
        """
        found: list[tuple[Key, str]] = []
        async with Scan(self._client, self._queues, url) as scan:
            async for batch in scan.batches(to_the_end=False):
                found += [(letter.key, letter.message.message_id) for letter in batch]
            surplus = len(found) - most if most else 0
            beyond = [
                message_id
                for at, (key, message_id) in enumerate(sorted(found))
                if at < surplus or key[0] < oldest_ms
            ]
            await scan.delete(beyond)
        gone = set(beyond)
        self._seen = [letter for letter in self._seen if letter.message.message_id not in gone]
        return len(beyond)

    async def _use(self, ids: Sequence[str], use: _Use) -> list[bool]:
        """Find letters, do something with them, delete them."""
        url = await self._queues.dead_if_any() if ids else None
        if url is None:
            return [False] * len(ids)
        wanted = set(ids)
        done: set[str] = set()
        async with self._scanning, Scan(self._client, self._queues, url) as scan:
            async for batch in scan.batches(wanted):
                # What comes again after its replay has died again.
                found = [x for x in batch if x.message.id in wanted - done]
                # A letter may be there twice: its worker died between sending and deleting.
                used = await use(list({x.message.id: x for x in found}.values()))
                await scan.delete([x.message.message_id for x in found if x.message.id in used])
                done |= used
            self._seen = [x for x in self._seen if x.message.id not in done]
        results = []
        for id_ in ids:
            results.append(id_ in done)
            done.discard(id_)
        return results

    async def _send(self, payloads: Mapping[str, bytes], letters: Sequence[Letter]) -> set[str]:
        entries, sent = [], []
        for letter in letters:
            message = letter.message
            found = self._again(message, payloads.get(message.id, message.body or b""))
            if found is None:
                continue
            if self._queues.fifo:
                found["MessageGroupId"] = letter.burial.group or name_of(message.id)
                found["MessageDeduplicationId"] = hash_of(message.message_id)
            elif letter.burial.group:
                found["MessageGroupId"] = letter.burial.group
            entries.append(found)
            sent.append(message.id)
        outcomes = await self._client.batch(
            "send_message_batch",
            self._queues.url,
            entries,
            most_bytes=self._queues.most_bytes,
            in_order=self._queues.fifo,
        )
        done = {i for i, outcome in zip(sent, outcomes, strict=True) if isinstance(outcome, dict)}
        failed = next((o for o in outcomes if isinstance(o, SockqError)), None)
        if failed is not None and not done:
            raise failed
        return done

    def _again(self, message: Message, payload: bytes) -> dict[str, Any] | None:
        """The job as it is sent to its queue; None: it does not fit (any more)."""
        job = Lease(message.id, payload, 1, "", "")
        most_bytes = self._queues.most_bytes
        for state in {message.state: None, b"": None}:
            found = entry(job.payload, attributes(job, attempts=0, state=state), most_bytes)
            if found is not None:
                return found
        # Its body fills the queue's limit alone. Then it goes as it once came, with a new id.
        return entry(job.payload, {}, most_bytes)
