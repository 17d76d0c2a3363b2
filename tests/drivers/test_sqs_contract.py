"""The conformance suite on SQS: a standard queue, and a FIFO queue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from drivers.contract import MakeDriver, SourceContract  # noqa: TID251 - tests/drivers
from support.sqs_server import SqsServer

from sockq.drivers.registry import make_driver as from_settings
from sockq.drivers.settings import LeaseSettings, SqsSettings
from sockq.drivers.source import Driver


class SqsContract(SourceContract):
    """What both kinds of queues have in common."""

    fifo = False
    #: SQS counts whole seconds, and tells its counts about.
    delay_resolution_seconds = 2.0
    sure_lease_seconds = 3.0
    exact_stats = False
    #: Bodies are text.
    any_bytes = False
    #: SQS' limit, of the body and its attributes.
    largest_payload_bytes = 1 << 20
    #: A standard queue has no place in front; a FIFO queue has none between groups.
    fifo_release_front = False
    #: A standard queue promises no order; a FIFO queue none between groups, and the suite leases
    #: jobs side by side, so here each is a group of its own.
    keeps_order = False

    @pytest.fixture
    async def make_driver(
        self, sqs_server: SqsServer, sqs_queue: str, tmp_path: Path
    ) -> AsyncIterator[MakeDriver]:
        drivers: list[Driver] = []

        async def make(*, lease_seconds: float = 30.0) -> Driver:
            driver = from_settings(
                SqsSettings(
                    endpoint_url=sqs_server.url,
                    queue=sqs_queue,
                    fifo=self.fifo,
                    message_group_id=None,
                    wait_time_seconds=2,
                    journal=tmp_path / "journal",
                    lease=LeaseSettings(lease_seconds),
                )
            )
            drivers.append(driver)
            await driver.open()
            return driver

        yield make
        for driver in drivers:
            await driver.close()


class TestStandardQueue(SqsContract):
    #: An id travels in an attribute, but nothing keeps a second message of the same id away.
    explicit_ids = False


class TestFifoQueue(SqsContract):
    fifo = True
    #: SQS delays whole FIFO queues only.
    delays_enqueued = False
