"""The memory broker as a process: its crashes, its socket file."""

# ruff: noqa: ASYNC240 - these tests look at files between two steps

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path

import pytest
from support.broker_process import BrokerProcess
from support.until import async_until

from sockq.drivers import memory as memory_module
from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, NewJob
from sockq.drivers.memory import MemoryDriver, MemorySource
from sockq.drivers.memory_broker import serve
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import MemorySettings

# The broker dies.


async def test_clients_see_a_killed_broker_and_recover_when_it_is_back(
    broker: BrokerProcess, memory_source: MemorySource, broker_path: Path
) -> None:
    await memory_source.enqueue([NewJob(b"1"), NewJob(b"2")])
    (lease,) = await memory_source.claim(1, 1.0, "owner")
    assert await memory_source.claim(5, 1.0, "other")
    waiting = asyncio.create_task(memory_source.claim(1, 30.0, "owner"))
    await asyncio.sleep(0.05)  # the claim has no visible sign of waiting
    os.kill(broker.pid, signal.SIGKILL)
    with pytest.raises(BackendUnavailable, match=f"{broker_path}.*sockq run --mode worker"):
        await waiting
    broker.kill()  # reaps it
    for verb in (
        memory_source.stats(),
        memory_source.settle([Ack(lease)]),
        memory_source.claim(1, 0.0, "owner"),
    ):
        with pytest.raises(BackendUnavailable, match=f"{broker_path}.*is a fleet running"):
            await verb
    assert broker_path.is_socket(), "a crash leaves the file behind"
    with BrokerProcess(broker_path):
        assert await memory_source.settle([Ack(lease)]) == [False], "its jobs died with it"
        await memory_source.enqueue([NewJob(b"3")])
        (again,) = await memory_source.claim(1, 1.0, "owner")
        assert again.payload == b"3"
        assert await memory_source.settle([Ack(again)]) == [True]


async def test_a_frozen_broker_is_unavailable_and_comes_back(
    broker: BrokerProcess, memory_source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_module, "RESPONSE_SECONDS", 0.2)
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        with pytest.raises(BackendUnavailable, match=r"no answer within 0\.2 s"):
            await memory_source.stats()
        with pytest.raises(BackendUnavailable, match=r"no answer within 0\.2 s"):
            await memory_source.claim(1, 0.0, "owner")
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    monkeypatch.undo()
    await memory_source.enqueue([NewJob(b"1")])
    (lease,) = await memory_source.claim(1, 5.0, "owner")
    assert (lease.attempt, lease.crashes) == (1, 0)


async def test_without_a_broker_opening_says_where_and_what_to_do(broker_path: Path) -> None:
    driver = make_driver(MemorySettings(broker_path))
    with pytest.raises(
        BackendUnavailable, match=f"{broker_path}: there is no such socket; is a fleet"
    ):
        await driver.open()
    await driver.close()
    assert driver.sources == []


async def test_a_socket_that_is_not_for_us_is_refused(
    broker_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forbid(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_unix_connection", forbid)
    with pytest.raises(BackendRefused, match="use the user that runs the fleet"):
        await MemoryDriver(MemorySettings(broker_path)).open()


async def test_a_path_that_no_socket_can_have_is_refused(socket_dir: Path) -> None:
    path = socket_dir / ("x" * 120)
    with pytest.raises(BackendRefused, match="too long"):
        await MemoryDriver(MemorySettings(path)).open()
    with pytest.raises(BackendRefused, match="too long"):
        await serve(path, 10, 30.0, asyncio.Event(), lambda: None)


# The socket file.


def test_the_socket_is_for_its_user_only_and_goes_with_the_broker(broker_path: Path) -> None:
    with BrokerProcess(broker_path) as broker:
        assert stat.S_IMODE(broker_path.stat().st_mode) == 0o600
        assert [entry.name for entry in broker_path.parent.iterdir()] == [broker_path.name]
        assert broker.stop() == 0
    assert not broker_path.exists()


async def test_a_second_broker_is_refused(
    broker: BrokerProcess, memory_source: MemorySource
) -> None:
    with pytest.raises(BackendRefused, match="another broker answers"):
        await serve(broker.socket_path, 10, 30.0, asyncio.Event(), lambda: None)
    await memory_source.stats()


async def test_a_file_that_is_no_socket_is_not_replaced(broker_path: Path) -> None:
    broker_path.write_text("precious")
    with pytest.raises(BackendRefused, match="no socket"):
        await serve(broker_path, 10, 30.0, asyncio.Event(), lambda: None)
    assert broker_path.read_text() == "precious"


async def test_a_directory_that_is_not_there_is_refused(broker_path: Path) -> None:
    with pytest.raises(BackendRefused, match="cannot listen"):
        await serve(broker_path.parent / "no" / "b", 10, 30.0, asyncio.Event(), lambda: None)


async def test_a_broker_that_was_replaced_leaves_the_new_socket(broker_path: Path) -> None:
    stop = asyncio.Event()
    first = asyncio.create_task(serve(broker_path, 10, 30.0, stop, lambda: None))
    await async_until(broker_path.exists)
    broker_path.unlink()
    broker_path.write_text("someone else's")
    stop.set()
    await first
    assert broker_path.exists()
