"""The dead letters' queue: listed, put back, removed, trimmed.

SQS has no look at a queue that takes nothing out of it. A scan receives every letter for a short
time and gives back what it does not use. While one process scans, another sees fewer letters; a
letter that is missed once is there the next time. Pages after the first come from the scan that
the first page made, as long as it is fresh.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from sockq.drivers.errors import SockqError
from sockq.drivers.job import Lease
from sockq.drivers.source import DeadPage
from sockq.drivers.sqs_client import BATCH, SqsClient
from sockq.drivers.sqs_letter import Key, Letter, key_of
from sockq.drivers.sqs_message import (
    MESSAGE_ATTRIBUTES,
    SYSTEM_ATTRIBUTES,
    Message,
    attributes,
    entry,
    hash_of,
    name_of,
    read,
)
from sockq.drivers.sqs_queues import Queues

#: How long a scan may take letters out of sight: more for a store that takes longer to read. When
#: the process that scans is killed, they are out of sight for so long.
_SCAN_SECONDS: Final = (10, 60)
_LETTERS_A_SECOND: Final = 100
#: How long a scan is believed.
_FRESH_SECONDS: Final = 30.0
#: How often letters that are too many, or too old, are looked for at most.
_MANY_SECONDS: Final = 60.0
_OLD_SECONDS: Final = 3600.0
#: Receives of one scan at the same time.
_READERS: Final = 4
#: Payload that a scan keeps in memory; with more, it keeps the page that was asked for.
_MOST_BYTES: Final = 64 << 20


class _Bounds(NamedTuple):
    """How many letters are kept (0: all), and since when they may have died, unix ms."""

    most: int
    oldest_ms: int

    def beyond(self, keys: Sequence[tuple[Key, str]]) -> list[str]:
        """The message ids of those that are too many or too old, oldest first."""
        surplus = len(keys) - self.most if self.most else 0
        return [
            message_id
            for at, (key, message_id) in enumerate(sorted(keys))
            if at < surplus or key[0] < self.oldest_ms
        ]


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
        return DeadPage([letter.shown() for letter in shown], next_cursor)

    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """See ``Source.replay``: each is sent to the queue, then deleted."""
        return await self._use(ids, partial(self._send, payloads or {}))

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """See ``Source.drop``."""

        async def nothing(letters: Sequence[Letter]) -> list[bool]:
            return [True] * len(letters)

        return await self._use(ids, nothing)

    async def trim(self, most: int, older_than_seconds: float) -> int:
        """See ``Source.trim_dead``."""
        url = await self._queues.dead_if_any()
        count = sum(await self._queues.counts(url)) if url else 0
        now = time.monotonic()
        many = bool(most) and count > most and now >= self._many_at
        old = bool(older_than_seconds) and count > 0 and now >= self._old_at
        if not many and not old:
            return 0
        self._many_at = now + _MANY_SECONDS
        self._old_at = now + _OLD_SECONDS
        too_old_ms = int((time.time() - older_than_seconds) * 1000) if older_than_seconds else 0
        async with self._scanning:
            return await self._look(None, 1, _Bounds(most, too_old_ms))

    async def _look(self, after: Key | None, limit: int, bounds: _Bounds | None = None) -> int:
        """Read all, remove what is out of bounds; return how many that were."""
        url = await self._queues.dead_if_any()
        self._seen, self._seen_until = [], 0.0
        if url is None:
            return 0
        trimmed: list[str] = []
        letters: list[Letter] = []
        keys: list[tuple[Key, str]] = []
        handles: dict[str, str] = {}
        size = 0
        complete = True
        try:
            async for letter in self._scan(url):
                letters.append(letter)
                keys.append((letter.key, letter.message.message_id))
                handles[letter.message.message_id] = letter.message.handle
                size += len(letter.message.body or b"")
                if size > _MOST_BYTES:
                    complete = False
                    wanted = (x for x in letters if after is None or x.key > after)
                    letters = heapq.nsmallest(limit + 1, wanted, key=lambda x: x.key)
                    size = sum(len(x.message.body or b"") for x in letters)
            trimmed = bounds.beyond(keys) if bounds else []
            await self._delete(url, [handles.pop(message_id) for message_id in trimmed])
        finally:
            await self._give_back(url, list(handles.values()))
        gone = set(trimmed)
        left = (x for x in letters if x.message.message_id not in gone)
        self._seen = sorted(left, key=lambda x: x.key)
        self._seen_until = time.monotonic() + _FRESH_SECONDS if complete else 0.0
        return len(trimmed)

    async def _use(self, ids: Sequence[str], use: Any) -> list[bool]:
        """Find letters, do something with them, delete them."""
        url = await self._queues.dead_if_any() if ids else None
        if url is None:
            return [False] * len(ids)
        async with self._scanning:
            found: list[Letter] = []
            others: list[Letter] = []
            try:
                async for letter in self._scan(url, set(ids)):
                    (found if letter.message.id in ids else others).append(letter)
                used = await use(found)
                gone = [letter for letter, done in zip(found, used, strict=True) if done]
                await self._delete(url, [letter.message.handle for letter in gone])
                others += [letter for letter, done in zip(found, used, strict=True) if not done]
            finally:
                await self._give_back(url, [letter.message.handle for letter in others])
            done_ids = {letter.message.id for letter in gone}
            self._seen = [x for x in self._seen if x.message.id not in done_ids]
        # A letter may be there twice: its worker died between sending and deleting.
        remaining = set(done_ids)
        results = []
        for id_ in ids:
            results.append(id_ in remaining)
            remaining.discard(id_)
        return results

    async def _send(self, payloads: Mapping[str, bytes], letters: Sequence[Letter]) -> list[bool]:
        once: dict[str, Letter] = {letter.message.id: letter for letter in letters}
        entries, sent = [], []
        for letter in once.values():
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
        return [letter.message.id in done for letter in letters]

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

    async def _scan(self, url: str, wanted: Collection[str] = ()) -> Any:
        """Receive letters until there are no more, or all the ``wanted`` have come."""
        missing = set(wanted)
        known: set[str] = set()
        readers = 1
        shortest, longest = _SCAN_SECONDS
        there = sum(await self._queues.counts(url))
        unseen_seconds = min(longest, shortest + there // _LETTERS_A_SECOND)
        while True:
            answers = await asyncio.gather(
                *[self._receive(url, unseen_seconds) for _ in range(readers)]
            )
            readers = _READERS if all(len(answer) == BATCH for answer in answers) else 1
            fresh = 0
            for raw in (raw for answer in answers for raw in answer):
                message, burial = read(raw, 0.0)
                if message.message_id in known:
                    continue
                known.add(message.message_id)
                fresh += 1
                missing.discard(message.id)
                yield Letter(message, burial)
            if not fresh or (wanted and not missing):
                return

    async def _receive(self, url: str, unseen_seconds: int) -> list[dict[str, Any]]:
        answer = await self._client.call(
            "receive_message",
            QueueUrl=url,
            MaxNumberOfMessages=BATCH,
            # A look without a wait asks only some of SQS' servers.
            WaitTimeSeconds=1,
            VisibilityTimeout=unseen_seconds,
            MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
            MessageAttributeNames=MESSAGE_ATTRIBUTES,
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    async def _delete(self, url: str, handles: Sequence[str]) -> None:
        entries = [{"ReceiptHandle": handle} for handle in handles]
        for outcome in await self._client.batch("delete_message_batch", url, entries):
            if isinstance(outcome, SockqError):
                raise outcome

    async def _give_back(self, url: str, handles: Sequence[str]) -> None:
        entries = [{"ReceiptHandle": handle, "VisibilityTimeout": 0} for handle in handles]
        await self._client.batch("change_message_visibility_batch", url, entries)
