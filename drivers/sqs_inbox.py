"""Receives under way and messages that have come but are not handed out yet.

A receive may wait at the service longer than the claim that started it: the next claim finds it
still waiting, so an idle worker makes one call in ``wait_time_seconds``, and a cancelled claim
loses nothing. What comes when nobody has claimed for a while goes back at once.

SQS does not say that it ends a receive whose client was killed. What such a receive brings is
hidden, and nobody knows of it. So messages are received for a few seconds only; who hands them out
keeps them for the length of a lease (``sqs_claim``). What nobody has taken is back in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, Final

from sockq.drivers.errors import SockqError
from sockq.drivers.settings import SqsSettings
from sockq.drivers.sqs_client import BATCH, RECEIVERS, give_back
from sockq.drivers.sqs_errors import SqsRefused
from sockq.drivers.sqs_message import MESSAGE_ATTRIBUTES, SYSTEM_ATTRIBUTES, Message, read
from sockq.drivers.sqs_parts import Parts

#: How long a receive hides what it brings. An answer that takes longer to come is of no use.
_RECEIVED_SECONDS: Final = 5
#: A claimer that is away so long does not come back soon.
_AWAY_SECONDS: Final = 0.5


class Inbox:
    """Messages on their way into this process.

    Args:
        parts: Of its source.
        settings: How to receive.

    Attributes:
        messages: What has come, oldest first.
        looks: Receives under way that do not wait at the service.
    """

    def __init__(self, parts: Parts, settings: SqsSettings) -> None:
        self._client = parts.client
        self._settings = settings
        self._url = parts.queues.url
        self._records = parts.records
        self._book = parts.book
        self._loop = asyncio.get_running_loop()
        lease_seconds = settings.lease.lease_seconds
        self._hidden_seconds = min(visibility_seconds(lease_seconds), _RECEIVED_SECONDS)
        self._changed = asyncio.Event()
        self._error: SockqError | None = None
        self._polls = 0
        self.looks = 0
        self._claimers = 0
        self._left_at = 0.0
        self._busy = False
        self.messages: deque[Message] = deque()

    @contextlib.contextmanager
    def claiming(self) -> Iterator[None]:
        """Somebody waits for messages."""
        if not self._claimers:
            self._error = None  # of a receive that nobody waited for any more
        self._claimers += 1
        try:
            yield
        finally:
            self._claimers -= 1
            self._left_at = time.monotonic()

    def want(self, limit: int, left_seconds: float) -> None:
        """See that receives are under way for up to ``limit`` messages.

        Several at once where the last one came back full. A short wait is a look only.
        """
        each = min(BATCH, self._settings.max_messages)
        missing = limit - len(self.messages) - each * self._polls
        if missing <= 0 or (self._polls and not self._busy):
            return
        polls = min(RECEIVERS - self._polls, math.ceil(missing / each)) if self._busy else 1
        waits = 0 if self._busy or left_seconds < 1 else self._settings.wait_time_seconds
        for _ in range(polls):
            count = max(1, min(each, missing))
            missing -= count
            self._poll(count, waits)

    async def wait(self, seconds: float) -> None:
        """Return when something came, failed or changed; at the latest after ``seconds``.

        Raises:
            SockqError: a receive failed.
        """
        if not self._changed.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, seconds)):
                    await self._changed.wait()
        self._changed.clear()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._changed.set()

    def _poll(self, count: int, waits: int) -> None:
        future = self._client.receive(
            {
                "QueueUrl": self._url,
                "MaxNumberOfMessages": count,
                "WaitTimeSeconds": waits,
                "VisibilityTimeout": self._hidden_seconds,
                "MessageSystemAttributeNames": SYSTEM_ATTRIBUTES,
                "MessageAttributeNames": MESSAGE_ATTRIBUTES,
            }
        )
        self._polls += 1
        self.looks += not waits
        future.add_done_callback(lambda done: self._arrived(done, count, look=not waits))

    def _arrived(self, future: Future[dict[str, Any]], count: int, *, look: bool) -> None:
        """In the receiving thread."""
        messages: list[Message] = []
        error: SockqError | None = None
        try:
            deadline = time.monotonic() + self._hidden_seconds
            messages = [read(raw, deadline)[0] for raw in future.result().get("Messages", ())]
        except SockqError as raised:
            error = raised
        except Exception as raised:
            error = SqsRefused(
                f"{self._client.where} sent an answer that cannot be read ({type(raised).__name__})"
            )
        if not self._client.closed:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._take_in, messages, error, count, look)
                return
        self.return_now(messages)

    def _take_in(
        self, messages: list[Message], error: SockqError | None, count: int, look: bool
    ) -> None:
        """In the loop."""
        self._polls -= 1
        self.looks -= look
        self._error = error or self._error
        self._busy = len(messages) >= count
        if error is None and messages:
            away = not self._claimers and time.monotonic() - self._left_at > _AWAY_SECONDS
            if away or self._client.closed:
                self._client.later(self.return_now, messages)
            else:
                self._complete(messages)
                self.messages += messages
        self._changed.set()

    def _complete(self, messages: list[Message]) -> None:
        again = {message.message_id for message in messages if message.receives > 1}
        if again:  # a lease that has just run out: the janitor may not have noted it yet
            self._records.forgive_expired(self._book.expired(again))
        for message in messages:
            self._records.complete(message)

    def return_now(self, messages: list[Message]) -> None:
        """Give back what nobody has worked on, in this thread; successors before the first."""
        for message in messages:
            self._records.forgive(message)
        give_back(self._client, self._url, [m.handle for m in reversed(messages)])


def visibility_seconds(seconds: float) -> int:
    """Whole seconds, rounded up, at least 1 and at most SQS' 12 hours."""
    return max(1, min(43_200, math.ceil(seconds)))
