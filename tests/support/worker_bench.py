"""One worker in this process, on a real broker; one app for each URL."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.broker_process import BrokerProcess
from support.jobs import app

from sockq.drivers.job import NewJob
from sockq.drivers.memory import MemoryDriver
from sockq.drivers.settings import MemorySettings
from sockq.drivers.source import Source
from sockq.workers.app_directory import FileApps
from sockq.workers.app_shapes import read_app
from sockq.workers.apps import App, WebhookDefaults
from sockq.workers.board_memory import Board
from sockq.workers.settings import WorkerSettings
from sockq.workers.worker import Worker
from sockq.workers.worker_log import WorkerLog

LEASE_SECONDS = 0.6


@pytest.fixture
def broker(socket_dir: Path) -> Iterator[BrokerProcess]:
    """The backend of a test's workers; import it into a conftest.py."""
    with BrokerProcess(socket_dir / "broker", lease_seconds=LEASE_SECONDS) as running:
        yield running


class Bench:
    """A worker and what it is watched by."""

    def __init__(self, worker: Worker, source: Source, board: Board) -> None:
        self.worker = worker
        self.source = source
        self.board = board
        self.words = board.slot(0).words

    async def put(self, *payloads: bytes) -> None:
        await self.source.enqueue([NewJob(payload) for payload in payloads])

    async def idle(self) -> bool:
        stats = await self.source.stats()
        return (stats.ready, stats.leased, stats.delayed) == (0, 0, 0)


@asynccontextmanager
async def working(
    broker: BrokerProcess, *urls: str, in_flight: int = 64, owner: str = "w0"
) -> AsyncIterator[Bench]:
    driver, watch = (MemoryDriver(MemorySettings(broker.socket_path)) for _ in range(2))
    await driver.open()
    await watch.open()
    apps = [_app(number, url) for number, url in enumerate(urls, 1)]
    board = Board.create(2)
    slot = board.slot(0)
    slot.reset(1)
    settings = WorkerSettings(apps=tuple(apps), in_flight=in_flight, lease_seconds=LEASE_SECONDS)
    worker = Worker(driver, settings, FileApps(apps), owner, slot, WorkerLog(0), board.deaths)
    try:
        yield Bench(worker, watch.sources[0], board)
    finally:
        await worker.drain(time.monotonic() + 2)
        await driver.close()
        await watch.close()


def _app(number: int, url: str) -> App:
    read, faults, _ = read_app(app(number, url), WebhookDefaults(), "app")
    assert read is not None, faults
    return read
