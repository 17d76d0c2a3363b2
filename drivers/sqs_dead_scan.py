"""One look over all dead letters of a queue, beside others that look too.

SQS has no look that takes nothing out of the queue: a letter is received, is out of sight of all
others for a while, and is given back. So whoever looks while another does sees only a part. A scan
therefore goes round again, with nothing in its hands, until it has seen as many letters as there
are or nobody else holds any.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final, Self

from sockq.drivers.errors import SockqError
from sockq.drivers.sqs_client import BATCH, SqsClient
from sockq.drivers.sqs_letter import Letter
from sockq.drivers.sqs_message import MESSAGE_ATTRIBUTES, SYSTEM_ATTRIBUTES, read
from sockq.drivers.sqs_queues import Queues

#: How long letters are out of sight: more for a store that takes longer to read. When the process
#: that scans is killed, they come back after so long.
_UNSEEN_SECONDS: Final = (10, 60)
_LETTERS_A_SECOND: Final = 100
#: Between two rounds; different for each, or two that began together would go on sharing.
_PAUSE_SECONDS: Final = (0.1, 0.6)
#: Beyond one unseen time, after which the letters of a scan that was killed are back: what is still
#: away then is held by scans that never end.
_PATIENCE_SECONDS: Final = 5.0
#: A scan ends after so many rounds that found nothing new although nobody held anything: the count,
#: which is only about right, was wrong, or others held all of it just then.
_FRUITLESS: Final = 5
#: Receives at the same time.
_READERS: Final = 4


class Scan:
    """A context: what is still held at its end is given back.

    Args:
        client: Open.
        queues: Open.
        url: Of the dead-letter queue.

    Attributes:
        unseen: Letters that others held to the end, as far as SQS tells.
    """

    def __init__(self, client: SqsClient, queues: Queues, url: str) -> None:
        self._client = client
        self._queues = queues
        self._url = url
        # Receipt handles by message id.
        self._held: dict[str, str] = {}
        self._known: set[str] = set()
        self._known_before = 0
        self._deleted = 0
        self._fruitless = 0
        self._unseen_seconds = _UNSEEN_SECONDS[0]
        self.unseen = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._give_back()

    async def batches(
        self, wanted: Collection[str] = (), *, to_the_end: bool = True
    ) -> AsyncIterator[list[Letter]]:
        """Yield letters, each once; what was yielded since the last pause is held.

        Args:
            wanted: Ids; with any, the scan ends when all of them have come.
            to_the_end: Wait for what others hold.
        """
        visible, in_flight, delayed = await self._queues.counts(self._url)
        shortest, longest = _UNSEEN_SECONDS
        there = visible + in_flight + delayed
        self._unseen_seconds = min(longest, shortest + there // _LETTERS_A_SECOND)
        patient_until = time.monotonic() + self._unseen_seconds + _PATIENCE_SECONDS
        missing = set(wanted)
        while True:
            async for fresh in self._round():
                missing.difference_update(letter.message.id for letter in fresh)
                yield fresh
                if wanted and not missing:
                    return
            if not to_the_end or not await self._may_find_more():
                return
            if time.monotonic() >= patient_until:
                return
            await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret

    async def delete(self, message_ids: Sequence[str]) -> None:
        """Remove messages of this round from the queue."""
        handles = [self._held.pop(message_id) for message_id in message_ids]
        entries = [{"ReceiptHandle": handle} for handle in handles]
        for outcome in await self._client.batch("delete_message_batch", self._url, entries):
            if isinstance(outcome, SockqError):
                raise outcome
            self._deleted += 1

    async def _round(self) -> AsyncIterator[list[Letter]]:
        """Receive until one brings nothing, or only what this round has had; yield what is new."""
        readers = 1
        came: set[str] = set()
        while True:
            answers = await asyncio.gather(*[self._receive() for _ in range(readers)])
            readers = _READERS if all(len(answer) == BATCH for answer in answers) else 1
            fresh = []
            before = len(came)
            for raw in (raw for answer in answers for raw in answer):
                message, burial = read(raw, 0.0)
                self._held[message.message_id] = message.handle
                came.add(message.message_id)
                if message.message_id not in self._known:
                    self._known.add(message.message_id)
                    fresh.append(Letter(message, burial))
            if fresh:
                yield fresh
            if len(came) == before or not all(answers):
                return

    async def _may_find_more(self) -> bool:
        """Give back, and say whether SQS counts more letters than have come."""
        await self._give_back()
        visible, in_flight, delayed = await self._queues.counts(self._url)
        known = len(self._known)
        missed = visible + in_flight + delayed - (known - self._deleted)
        self.unseen = max(0, min(in_flight, missed))
        if self.unseen or known > self._known_before:
            self._fruitless = 0
        else:
            self._fruitless += 1
        self._known_before = known
        return missed > 0 and self._fruitless < _FRUITLESS

    async def _receive(self) -> list[dict[str, Any]]:
        answer = await self._client.call(
            "receive_message",
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            # A look without a wait asks only some of SQS' servers.
            WaitTimeSeconds=1,
            VisibilityTimeout=self._unseen_seconds,
            MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
            MessageAttributeNames=MESSAGE_ATTRIBUTES,
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    async def _give_back(self) -> None:
        entries = [
            {"ReceiptHandle": handle, "VisibilityTimeout": 0} for handle in self._held.values()
        ]
        self._held.clear()
        await self._client.batch("change_message_visibility_batch", self._url, entries)
