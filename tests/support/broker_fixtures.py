"""A memory broker, a driver's source on it, and a client without a driver."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from support.broker_process import BrokerProcess

from sockq.drivers import memory_wire as wire
from sockq.drivers.job import Lease
from sockq.drivers.memory import MemoryDriver, MemorySource
from sockq.drivers.settings import MemorySettings


class RawClient:
    """A client that does what no driver would."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(5.0)
        self.socket.connect(os.fspath(path))

    def call(self, call: wire.Call) -> None:
        self.socket.sendall(wire.frame(wire.encode(call)))

    def answer(self) -> list[Lease]:
        length = int.from_bytes(self.read(4), "big")
        return msgspec.msgpack.decode(self.read(length)[1:], type=list[Lease])

    def read(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            assert piece, "the broker closed the connection"
            data += piece
        return data

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def broker_path(socket_dir: Path) -> Path:
    return socket_dir / "broker"


@pytest.fixture
def broker(broker_path: Path) -> Iterator[BrokerProcess]:
    with BrokerProcess(broker_path, capacity=1_000) as process:
        yield process


@pytest.fixture
async def memory_source(broker: BrokerProcess) -> AsyncIterator[MemorySource]:
    driver = MemoryDriver(MemorySettings(broker.socket_path))
    await driver.open()
    (source,) = driver.sources
    assert isinstance(source, MemorySource)
    yield source
    await driver.close()


@pytest.fixture
def raw_client(broker: BrokerProcess) -> Iterator[RawClient]:
    client = RawClient(broker.socket_path)
    yield client
    client.close()
