"""Where the queues are: URLs as the servers form them, and queues that are created when missing."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Final

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.settings import SqsSettings
from sockq.drivers.sqs_client import SqsClient
from sockq.drivers.sqs_errors import SqsRefused
from sockq.drivers.sqs_names import creation, dead_name, given_url, is_fifo, queue_name

#: SQS keeps a message from a minute up to 14 days.
_RETENTION_SECONDS: Final = (60, 14 * 24 * 3600)
#: What every SQS takes; newer ones say more.
_LEAST_LIMIT_BYTES: Final = 262_144
#: How long "there is no dead-letter queue" is believed.
_NO_DEAD_SECONDS: Final = 10.0


class Queues:
    """The queue and its dead-letter queue.

    Attributes:
        name: The queue's.
        fifo: Both are FIFO, or neither.
        url: The queue's; empty before ``open``.
        most_bytes: Body and attributes of one message, and all of one batch.
    """

    def __init__(self, client: SqsClient, settings: SqsSettings) -> None:
        self._client = client
        self._settings = settings
        self.name = queue_name(settings)
        self.fifo = is_fifo(settings)
        self.url = ""
        self.most_bytes = _LEAST_LIMIT_BYTES
        self._dead_url = ""
        self._dead_bytes = _LEAST_LIMIT_BYTES
        self._no_dead_until = 0.0

    async def open(self) -> None:
        """Find the queue, or create it, and see that it answers.

        Raises:
            BackendUnavailable: nothing answers.
            BackendRefused: there is no such queue and none can be created, or no right to use it.
        """
        given = given_url(self._settings)
        self.url = given or await self._find_or_create(self.name, creation(self._settings))
        try:
            self.most_bytes = await self._limit(self.url)
        except SqsRefused as error:
            if error.no_such_queue:
                what = "queue_url" if self._settings.queue_url else "queue_url_prefix"
                raise SqsRefused(
                    f"there is no queue {self.name} at {self._client.where}: create it, correct "
                    f"queue.sqs.{what}, or unset it so that sockq creates the queue",
                    error.code,
                ) from None
            if not error.no_right:  # without that right there are no counts; all else works
                raise

    async def dead(self) -> tuple[str, int]:
        """URL and size limit of the dead-letter queue, created if there is none.

        Raises:
            BackendRefused: it can neither be found nor created.
        """
        if not self._dead_url:
            attributes = {"MessageRetentionPeriod": str(self._dead_seconds())}
            if self.fifo:
                attributes["FifoQueue"] = "true"
            url = await self._find_or_create(dead_name(self.name), attributes)
            with contextlib.suppress(SqsRefused):
                self._dead_bytes = await self._limit(url)
            self._dead_url = url
        return self._dead_url, self._dead_bytes

    def _dead_seconds(self) -> int:
        """How long SQS itself keeps a dead letter."""
        shortest, longest = _RETENTION_SECONDS
        wanted = self._settings.lease.dead_seconds
        return int(min(longest, max(shortest, wanted))) if wanted else longest

    async def dead_if_any(self) -> str | None:
        """URL of the dead-letter queue; None: there is none, so there are no dead letters."""
        if self._dead_url:
            return self._dead_url
        if time.monotonic() < self._no_dead_until:
            return None
        url = await self._find(dead_name(self.name))
        if url is None:
            self._no_dead_until = time.monotonic() + _NO_DEAD_SECONDS
            return None
        await self.dead()
        return url

    async def counts(self, url: str) -> tuple[int, int, int]:
        """About how many messages are visible, in flight and delayed."""
        names = ("", "NotVisible", "Delayed")
        wanted = [f"ApproximateNumberOfMessages{name}" for name in names]
        answer = await self._client.call(
            "get_queue_attributes", QueueUrl=url, AttributeNames=wanted
        )
        found: dict[str, Any] = answer.get("Attributes", {})
        visible, in_flight, delayed = (int(found.get(name, 0)) for name in wanted)
        return visible, in_flight, delayed

    async def _find_or_create(self, name: str, attributes: dict[str, str]) -> str:
        found = await self._find(name)
        if found is not None:
            return found
        try:
            answer = await self._client.call("create_queue", QueueName=name, Attributes=attributes)
        except SqsRefused as error:
            if error.code in {"QueueNameExists", "QueueAlreadyExists"}:  # somebody was faster
                found = await self._find(name)
                if found is not None:
                    return found
                raise BackendUnavailable(
                    f"{self._client.where}: queue {name} is not there yet"
                ) from None
            raise SqsRefused(
                f"there is no queue {name}, and it cannot be created: {error}; create it yourself",
                error.code,
            ) from None
        return str(answer["QueueUrl"])

    async def _find(self, name: str) -> str | None:
        try:
            answer = await self._client.call("get_queue_url", QueueName=name)
        except SqsRefused as error:
            if error.no_such_queue:
                return None
            raise
        return str(answer["QueueUrl"])

    async def _limit(self, url: str) -> int:
        answer = await self._client.call(
            "get_queue_attributes", QueueUrl=url, AttributeNames=["MaximumMessageSize"]
        )
        return int(answer.get("Attributes", {}).get("MaximumMessageSize", _LEAST_LIMIT_BYTES))
