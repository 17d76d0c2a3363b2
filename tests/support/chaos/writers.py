"""How each server writes its jobs: the commands of a Sockudo 4 or 5, of soketi, SQS's batches.

A writer never repeats a write by itself: what failed may have happened, and only the caller knows
that it must not count such a job as accepted.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import boto3
import redis.asyncio
from botocore.config import Config
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from support.chaos.backends import Backend
from support.jobs import KEY
from support.v2_queue import enveloped, framed, record

from sockq.drivers.job import NewJob
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.drivers.sockudo_v2_keys import base_key
from sockq.drivers.source import Driver

Jobs = Sequence[tuple[str, bytes]]

_SQS_BATCH: Final = 10
_V2: Final = base_key("sockudo_queue:", "webhooks")
_ATTEMPTS: Final = 5
#: Groups of a FIFO queue; the name of a job says in which it is.
GROUPS: Final = 40


class Writer(ABC):
    """Writes jobs; each is a name and its bytes."""

    @abstractmethod
    async def write(self, jobs: Jobs) -> None:
        """Write all of them, or raise: then any of them may be written or not."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the backend."""


class _ListWriter(Writer):
    """Sockudo 4: RPUSH."""

    def __init__(self, url: str) -> None:
        # redis-py's own types know nothing of a client that answers in bytes
        self.client: Any = redis.asyncio.Redis.from_url(url, retry=Retry(NoBackoff(), 0))

    async def write(self, jobs: Jobs) -> None:
        await self.client.rpush(KEY, *[payload for _, payload in jobs])

    async def close(self) -> None:
        await self.client.aclose()


class _V2Writer(_ListWriter):
    """Sockudo 5: a job alone as rows, several as one packed frame; each write a transaction."""

    async def write(self, jobs: Jobs) -> None:
        first, *others = [(uuid.uuid4().hex, payload) for _, payload in jobs]
        async with self.client.pipeline(transaction=True) as step:
            step.hset(f"{_V2}:jobs", first[0], enveloped(*first))
            step.hset(f"{_V2}:attempts", first[0], 0)
            step.hset(f"{_V2}:max-attempts", first[0], _ATTEMPTS)
            step.lpush(f"{_V2}:wait", first[0])
            if others:
                step.lpush(f"{_V2}:inline-wait", framed([record(*one) for one in others]))
                step.incrby(f"{_V2}:inline-wait-count", len(others))
            step.lpush(f"{_V2}:notify", "1")
            await step.execute()


class _DriverWriter(Writer):
    """The driver's own producer side, which equals the servers' recordings."""

    def __init__(self, settings: DriverSettings) -> None:
        self._settings = settings
        self._driver: Driver | None = None

    async def write(self, jobs: Jobs) -> None:
        if self._driver is None:
            driver = make_driver(self._settings)
            await driver.open()
            self._driver = driver
        source = self._driver.sources[0]
        await source.enqueue([NewJob(payload) for _, payload in jobs])

    async def close(self) -> None:
        if self._driver is not None:
            await self._driver.close()


class _SqsWriter(Writer):
    """SendMessageBatch, ten a call."""

    def __init__(self, url: str, *, fifo: bool) -> None:
        self._client: Any = boto3.client(
            "sqs",
            region_name="us-east-1",
            endpoint_url=url,
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._name = "webhooks.fifo" if fifo else "webhooks"
        self._fifo = fifo
        self._url = ""

    async def write(self, jobs: Jobs) -> None:
        for start in range(0, len(jobs), _SQS_BATCH):
            await asyncio.to_thread(self._send, jobs[start : start + _SQS_BATCH])

    def _send(self, jobs: Jobs) -> None:
        if not self._url:
            self._url = self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
        entries = [
            {"Id": str(number), "MessageBody": payload.decode(), **self._group(name)}
            for number, (name, payload) in enumerate(jobs)
        ]
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        assert not answer.get("Failed"), answer

    def _group(self, name: str) -> dict[str, str]:
        return {"MessageGroupId": group_of(name)} if self._fifo else {}

    async def close(self) -> None:
        self._client.close()


def group_of(name: str) -> str:
    """The FIFO group of a job."""
    return f"g{int(name.rpartition('-')[2]) % GROUPS}"


def make_writer(backend: Backend, settings: DriverSettings) -> Writer:
    """The writer of a source.

    Args:
        backend: Where.
        settings: The fleet's, for sources that are written through a driver.
    """
    if backend.sqs is not None:
        # boto3 looks for credentials there
        os.environ.update(backend.env)
        return _SqsWriter(backend.sqs.url, fifo=backend.source == "fifo")
    if backend.redis is not None and backend.source == "v1":
        return _ListWriter(backend.redis.url)
    if backend.redis is not None and backend.source == "v2":
        return _V2Writer(backend.redis.url)
    return _DriverWriter(settings)
