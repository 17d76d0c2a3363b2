"""Asks an SQS queue what could hurt it. Reads only; a queue that is missing is not created."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.settings import SqsSettings
from sockq.drivers.sqs_client import SqsClient
from sockq.drivers.sqs_names import given_url, is_fifo, queue_name

_WANTED: Final = (
    "VisibilityTimeout", "RedrivePolicy", "MessageRetentionPeriod", "ContentBasedDeduplication",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqsFacts:
    """One queue. None: it would not say.

    Attributes:
        where: The service.
        name: The queue's.
        failure: Why nothing could be asked; empty: it answers.
        refused: It answers and says no, rather than being away.
        missing: There is no such queue.
        fifo: Whether it is FIFO.
        visibility_seconds: How long a received message stays hidden if its receiver says nothing.
        most_receives: After so many receives SQS itself moves a message away; None: never.
        retention_seconds: After so long SQS deletes a message.
        deduplicates: It drops a body that it has had within five minutes.
    """

    where: str
    name: str
    failure: str = ""
    refused: bool = False
    missing: bool = False
    fifo: bool = False
    visibility_seconds: int | None = None
    most_receives: int | None = None
    retention_seconds: int | None = None
    deduplicates: bool = False


async def inspect_sqs(settings: SqsSettings) -> SqsFacts:
    """Ask. Never raises."""
    client = SqsClient(settings)
    name, fifo = queue_name(settings), is_fifo(settings)
    try:
        await client.open()
        url = given_url(settings)
        if url is None:
            url = str((await client.call("get_queue_url", QueueName=name))["QueueUrl"])
        wanted = [name for name in _WANTED if fifo or name != "ContentBasedDeduplication"]
        answer = await client.call(
            "get_queue_attributes",
            QueueUrl=url,
            AttributeNames=wanted,
        )
    except BackendUnavailable as error:
        return SqsFacts(client.where, name, failure=str(error))
    except BackendRefused as error:
        missing = bool(getattr(error, "no_such_queue", False))
        return SqsFacts(client.where, name, failure=str(error), refused=True, missing=missing)
    finally:
        client.close()
    found: Mapping[str, str] = answer.get("Attributes", {})
    return SqsFacts(
        client.where,
        name,
        fifo=fifo,
        visibility_seconds=_whole(found.get("VisibilityTimeout")),
        most_receives=_most_receives(found.get("RedrivePolicy")),
        retention_seconds=_whole(found.get("MessageRetentionPeriod")),
        deduplicates=found.get("ContentBasedDeduplication") == "true",
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _most_receives(policy: str | None) -> int | None:
    try:
        found = json.loads(policy or "{}")
        return int(found["maxReceiveCount"])
    except (ValueError, KeyError, TypeError):
        return None
