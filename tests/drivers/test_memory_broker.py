"""The memory broker as a process: crashes on either side, rights, and clients that misbehave."""

# ruff: noqa: ASYNC240 - these tests look at files between two steps

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from support.broker_process import BrokerProcess
from support.until import async_until

from sockq.drivers import memory as memory_module
from sockq.drivers import memory_wire as wire
from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, Lease, NewJob
from sockq.drivers.memory import MAX_JOB_BYTES, MemoryDriver, MemorySource
from sockq.drivers.memory_broker import serve
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import MemorySettings


@pytest.fixture
def path(socket_dir: Path) -> Path:
    return socket_dir / "broker"


@pytest.fixture
def broker(path: Path) -> Iterator[BrokerProcess]:
    with BrokerProcess(path, capacity=1_000) as process:
        yield process


@pytest.fixture
async def source(broker: BrokerProcess) -> AsyncIterator[MemorySource]:
    driver = MemoryDriver(MemorySettings(broker.socket_path))
    await driver.open()
    (source,) = driver.sources
    assert isinstance(source, MemorySource)
    yield source
    await driver.close()


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
def raw(broker: BrokerProcess) -> Iterator[RawClient]:
    client = RawClient(broker.socket_path)
    yield client
    client.close()


async def leased(source: MemorySource) -> int | None:
    return (await source.stats()).leased


# The broker dies.


async def test_clients_see_a_killed_broker_and_recover_when_it_is_back(
    broker: BrokerProcess, source: MemorySource, path: Path
) -> None:
    await source.enqueue([NewJob(b"1"), NewJob(b"2")])
    (lease,) = await source.claim(1, 1.0, "owner")
    assert await source.claim(5, 1.0, "other")
    waiting = asyncio.create_task(source.claim(1, 30.0, "owner"))
    await asyncio.sleep(0.05)  # the claim has no visible sign of waiting
    os.kill(broker.pid, signal.SIGKILL)
    with pytest.raises(BackendUnavailable, match=f"{path}.*sockq run --mode worker"):
        await waiting
    broker.kill()  # reaps it
    for verb in (source.stats(), source.settle([Ack(lease)]), source.claim(1, 0.0, "owner")):
        with pytest.raises(BackendUnavailable, match=f"{path}.*is a fleet running"):
            await verb
    assert path.is_socket(), "a crash leaves the file behind"
    with BrokerProcess(path):
        assert await source.settle([Ack(lease)]) == [False], "its jobs died with it"
        await source.enqueue([NewJob(b"3")])
        (again,) = await source.claim(1, 1.0, "owner")
        assert again.payload == b"3"
        assert await source.settle([Ack(again)]) == [True]


async def test_a_frozen_broker_is_unavailable_and_comes_back(
    broker: BrokerProcess, source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_module, "RESPONSE_SECONDS", 0.2)
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        with pytest.raises(BackendUnavailable, match=r"no answer within 0\.2 s"):
            await source.stats()
        with pytest.raises(BackendUnavailable, match=r"no answer within 0\.2 s"):
            await source.claim(1, 0.0, "owner")
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    monkeypatch.undo()
    await source.enqueue([NewJob(b"1")])
    (lease,) = await source.claim(1, 5.0, "owner")
    assert (lease.attempt, lease.crashes) == (1, 0)


async def test_without_a_broker_opening_says_where_and_what_to_do(path: Path) -> None:
    driver = make_driver(MemorySettings(path))
    with pytest.raises(BackendUnavailable, match=f"{path}: there is no such socket; is a fleet"):
        await driver.open()
    await driver.close()
    assert driver.sources == []


async def test_a_socket_that_is_not_for_us_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forbid(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_unix_connection", forbid)
    with pytest.raises(BackendRefused, match="use the user that runs the fleet"):
        await MemoryDriver(MemorySettings(path)).open()


async def test_a_path_that_no_socket_can_have_is_refused(socket_dir: Path) -> None:
    path = socket_dir / ("x" * 120)
    with pytest.raises(BackendRefused, match="too long"):
        await MemoryDriver(MemorySettings(path)).open()
    with pytest.raises(BackendRefused, match="too long"):
        await serve(path, 10, 30.0, 10, asyncio.Event(), lambda: None)


# The socket file.


def test_the_socket_is_for_its_user_only_and_goes_with_the_broker(path: Path) -> None:
    with BrokerProcess(path) as broker:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
        assert broker.stop() == 0
    assert not path.exists()


async def test_a_second_broker_is_refused(broker: BrokerProcess, source: MemorySource) -> None:
    with pytest.raises(BackendRefused, match="another broker answers"):
        await serve(broker.socket_path, 10, 30.0, 10, asyncio.Event(), lambda: None)
    await source.stats()


async def test_a_file_that_is_no_socket_is_not_replaced(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(BackendRefused, match="no socket"):
        await serve(path, 10, 30.0, 10, asyncio.Event(), lambda: None)
    assert path.read_text() == "precious"


async def test_a_directory_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(BackendRefused, match="cannot listen"):
        await serve(path.parent / "no" / "b", 10, 30.0, 10, asyncio.Event(), lambda: None)


async def test_a_broker_that_was_replaced_leaves_the_new_socket(path: Path) -> None:
    stop = asyncio.Event()
    first = asyncio.create_task(serve(path, 10, 30.0, 10, stop, lambda: None))
    await async_until(path.exists)
    path.unlink()
    path.write_text("someone else's")
    stop.set()
    await first
    assert path.exists()


# Clients die.


async def test_a_client_that_dies_waiting_gets_no_job(raw: RawClient, source: MemorySource) -> None:
    raw.call(wire.ClaimCall(5, 60.0, "ghost"))
    raw.close()
    await source.enqueue([NewJob(b"1")])
    (lease,) = await source.claim(1, 1.0, "owner")
    assert (lease.attempt, lease.crashes) == (1, 0)


async def test_jobs_that_a_dying_client_never_confirmed_go_back_at_once(
    raw: RawClient, source: MemorySource
) -> None:
    await source.enqueue([NewJob(b"%d" % n) for n in range(3)])
    raw.call(wire.ClaimCall(2, 0.0, "ghost"))
    assert [lease.payload for lease in raw.answer()] == [b"0", b"1"]
    waiting = asyncio.create_task(source.claim(5, 30.0, "owner"))
    assert [lease.payload for lease in await waiting] == [b"2"]
    waiting = asyncio.create_task(source.claim(5, 30.0, "owner"))
    raw.close()
    leases = await waiting
    assert [(lease.payload, lease.attempt, lease.crashes) for lease in leases] == [
        (b"0", 1, 0),
        (b"1", 1, 0),
    ]


async def test_confirmed_jobs_stay_leased_when_their_client_dies(
    raw: RawClient, source: MemorySource
) -> None:
    await source.enqueue([NewJob(b"1")])
    raw.call(wire.ClaimCall(1, 0.0, "ghost"))
    raw.answer()
    raw.call(wire.Got())
    raw.call(wire.ClaimCall(1, 0.0, "ghost"))
    assert raw.answer() == []
    raw.close()
    assert await source.claim(1, 0.1, "owner") == []
    assert await leased(source) == 1
    assert await source.reclaim("ghost") == 1
    (lease,) = await source.claim(1, 1.0, "owner")
    assert (lease.attempt, lease.crashes) == (1, 1)


async def test_a_cancelled_claim_gives_its_jobs_back_at_once(source: MemorySource) -> None:
    for n in range(30):
        claim = asyncio.create_task(source.claim(1, 5.0, "owner"))
        await asyncio.sleep(0)
        await source.enqueue([NewJob(b"%d" % n)])
        claim.cancel()
        ended = await asyncio.gather(claim, return_exceptions=True)
        if isinstance(ended[0], list):
            assert await source.settle([Ack(lease) for lease in ended[0]]) == [True]
        else:
            (lease,) = await source.claim(1, 5.0, "owner")
            assert (lease.payload, lease.attempt, lease.crashes) == (b"%d" % n, 1, 0)
            assert await source.settle([Ack(lease)]) == [True]


# Clients misbehave.


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(b"\xff\xff\xff\xff" + b"x" * 100, id="a frame of 4 GiB"),
        pytest.param(wire.frame(b"not msgpack"), id="no msgpack"),
        pytest.param(wire.frame(wire.encode(["format_disk"])), id="unknown call"),
        pytest.param(wire.frame(wire.encode(["claim", "many"])), id="wrong types"),
        pytest.param(wire.frame(b""), id="nothing"),
    ],
)
async def test_noise_ends_its_own_connection_only(
    raw: RawClient, source: MemorySource, noise: bytes
) -> None:
    raw.socket.sendall(noise)
    assert await asyncio.to_thread(_ended, raw.socket)
    await source.enqueue([NewJob(b"1")])
    assert len(await source.claim(1, 1.0, "owner")) == 1


def _ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


async def test_a_frame_may_come_byte_by_byte(raw: RawClient, source: MemorySource) -> None:
    await source.enqueue([NewJob(b"1")])
    for byte in wire.frame(wire.encode(wire.ClaimCall(1, 0.0, "slow"))):
        raw.socket.sendall(bytes((byte,)))
    assert [lease.payload for lease in raw.answer()] == [b"1"]


# Limits.


async def test_a_job_that_is_too_large_is_refused_with_its_size(source: MemorySource) -> None:
    with pytest.raises(BackendRefused, match=f"{MAX_JOB_BYTES + 1} bytes is too large"):
        await source.enqueue([NewJob(b"small"), NewJob(b"x" * (MAX_JOB_BYTES + 1))])
    assert (await source.stats()).ready == 0


async def test_more_than_one_message_of_jobs_is_enqueued_in_order(source: MemorySource) -> None:
    payloads = [b"%d" % n + b"x" * (6 << 20) for n in range(5)]
    ids = await source.enqueue([NewJob(payload) for payload in payloads])
    taken: list[Lease] = []
    while len(taken) < 5:
        leases = await source.claim(5, 1.0, "owner")
        assert leases
        taken += leases
    assert [lease.id for lease in taken] == ids
    assert [lease.payload for lease in taken] == payloads


async def test_eviction_is_counted_for_all_to_see(source: MemorySource) -> None:
    await source.enqueue([NewJob(b"%d" % n) for n in range(1_005)])
    stats = await source.stats()
    assert (stats.ready, stats.evicted) == (1_000, 5)
    (lease,) = await source.claim(1, 0.0, "owner")
    assert lease.payload == b"5"


async def test_an_id_with_another_payload_is_refused(source: MemorySource) -> None:
    await source.enqueue([NewJob(b"1", id="a")])
    with pytest.raises(BackendRefused, match="'a' is in the queue with another payload"):
        await source.enqueue([NewJob(b"2", id="a")])


# Waiting.


async def test_waiting_claims_are_served_first_come_first_served(
    broker: BrokerProcess, source: MemorySource
) -> None:
    clients = [RawClient(broker.socket_path) for _ in range(4)]
    for client in clients:
        client.call(wire.ClaimCall(1, 60.0, "owner"))
        client.socket.settimeout(5.0)
        await source.stats()  # the broker has read the claim when it answers this
    await source.enqueue([NewJob(b"%d" % n) for n in range(4)])
    assert [client.answer()[0].payload for client in clients] == [b"0", b"1", b"2", b"3"]
    for client in clients:
        client.close()


async def test_claims_one_after_the_other_share_a_connection(source: MemorySource) -> None:
    for _ in range(5):
        assert await source.claim(1, 0.0, "owner") == []
    assert len(source._idle) == 1
    await asyncio.gather(*(source.claim(1, 0.01, "owner") for _ in range(3)))
    assert len(source._idle) == 3
