"""From when on a job may be what its worker dies of, as the journal says it."""

from __future__ import annotations

import asyncio
import socket

import pytest
from support.broker_process import BrokerProcess
from support.jobs import job
from support.until import async_until
from support.worker_bench import Bench, working

from sockq.supervisor.receiver import Receiver
from sockq.workers.app_directory import FileApps
from sockq.workers.apps import App
from sockq.workers.journal import read_journal


def at_work(bench: Bench) -> list[bool]:
    return [one.at_work for one in read_journal(bench.board.slot(0).journal).jobs]


async def test_while_its_app_is_looked_up(
    broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows in the same task, the plan say, runs at nobody's hand."""
    found = asyncio.Event()
    known = FileApps.peek

    async def find(self: FileApps, app_id: str, app_key: str = "") -> App | None:
        await found.wait()
        return known(self, app_id, app_key)

    monkeypatch.setattr(FileApps, "find", find)
    monkeypatch.setattr(FileApps, "peek", lambda *_: None)
    async with Receiver() as receiver, working(broker, receiver.url) as bench:
        await bench.put(job("sought"))
        await async_until(lambda: at_work(bench) == [True])
        found.set()
        await async_until(lambda: receiver.count == 1)
        await async_until(lambda: at_work(bench) == [])


async def test_while_its_connection_is_opened(broker: BrokerProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        async with working(broker, url) as bench:
            await bench.put(job("knocks"))
            await async_until(lambda: at_work(bench) == [True])
