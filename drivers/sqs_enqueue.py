"""Puts jobs into a queue as a server would, ten a call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from sockq.drivers.bullmq_format import message_group
from sockq.drivers.durations import whole_seconds
from sockq.drivers.errors import BackendRefused, SockqError
from sockq.drivers.job import Lease, NewJob
from sockq.drivers.settings import SqsSettings
from sockq.drivers.sqs_client import Fault, SqsClient
from sockq.drivers.sqs_message import attributes, entry, forbidden, job_id, name_of
from sockq.drivers.sqs_queues import Queues
from sockq.drivers.sqs_settle import MOST_DELAY_SECONDS


async def enqueue(
    client: SqsClient,
    queues: Queues,
    settings: SqsSettings,
    jobs: Sequence[NewJob],
    delay_seconds: float,
) -> list[str]:
    """Send ``jobs`` in order and return their ids.

    Raises:
        BackendRefused: a job that SQS cannot carry; none of them is sent then. Or SQS said no.
        BackendUnavailable: not all were sent.
    """
    if not jobs:
        return []
    delay = whole_seconds(delay_seconds)
    if delay and queues.fifo:
        raise BackendRefused(
            f"{queues.name}: a FIFO queue cannot delay single messages; enqueue without a delay"
        )
    ids, entries = zip(*[_entry(job, queues, settings, delay) for job in jobs], strict=True)
    outcomes = await client.batch(
        "send_message_batch",
        queues.url,
        entries,
        most_bytes=queues.most_bytes,
        in_order=queues.fifo,
    )
    found: list[str] = []
    for id_, outcome in zip(ids, outcomes, strict=True):
        if isinstance(outcome, SockqError):
            raise outcome
        if isinstance(outcome, Fault):
            text = f"{client.where} refuses a job: {outcome.code} {outcome.message}"
            raise BackendRefused(text)
        found.append(id_ or str(outcome["MessageId"]))
    return found


def _entry(
    job: NewJob, queues: Queues, settings: SqsSettings, delay: int
) -> tuple[str | None, dict[str, Any]]:
    """The id, where it is not the message's, and the entry."""
    reason = forbidden(job.payload)
    if reason is not None:
        raise BackendRefused(f"SQS cannot carry a job of {len(job.payload)} bytes: {reason}")
    given: dict[str, Any] = {}
    due_ms = int((time.time() + delay) * 1000) if delay > MOST_DELAY_SECONDS else 0
    id_ = job.id or job_id(job.payload)
    if job.id or due_ms:
        id_ = id_ or uuid4().hex  # its first message is not the one that is claimed
        given = attributes(Lease(id_, b"", 1, "", ""), attempts=0, state=b"", due_ms=due_ms)
    found = entry(job.payload, given, queues.most_bytes)
    if found is None:
        raise BackendRefused(
            f"a job of {len(job.payload)} bytes is too large for the queue {queues.name}: "
            f"{queues.most_bytes} bytes are its limit (MaximumMessageSize)"
        )
    if delay:
        found["DelaySeconds"] = min(delay, MOST_DELAY_SECONDS)
    if queues.fifo:
        name = name_of(job.id) if job.id else uuid4().hex
        soketi = message_group(job.payload) if settings.dialect == "soketi" else None
        found["MessageGroupId"] = soketi or settings.message_group_id or name
        found["MessageDeduplicationId"] = name
    return id_, found
