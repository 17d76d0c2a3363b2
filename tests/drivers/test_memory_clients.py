"""The memory broker and its clients: those that die, those that misbehave, those that wait."""

from __future__ import annotations

import asyncio
import socket

import pytest
from support.broker_fixtures import RawClient
from support.broker_process import BrokerProcess

from sockq.drivers import memory_wire as wire
from sockq.drivers.errors import BackendRefused
from sockq.drivers.job import Ack, Lease, NewJob
from sockq.drivers.job_mark import mark_of
from sockq.drivers.memory import MAX_JOB_BYTES, MemorySource


async def leased(memory_source: MemorySource) -> int | None:
    return (await memory_source.stats()).leased


# Clients die.


async def test_a_client_that_dies_waiting_gets_no_job(
    raw_client: RawClient, memory_source: MemorySource
) -> None:
    raw_client.call(wire.ClaimCall(5, 60.0, "ghost"))
    raw_client.close()
    await memory_source.enqueue([NewJob(b"1")])
    (lease,) = await memory_source.claim(1, 1.0, "owner")
    assert (lease.attempt, lease.crashes) == (1, 0)


async def test_jobs_that_a_dying_client_never_confirmed_go_back_at_once(
    raw_client: RawClient, memory_source: MemorySource
) -> None:
    await memory_source.enqueue([NewJob(b"%d" % n) for n in range(3)])
    raw_client.call(wire.ClaimCall(2, 0.0, "ghost"))
    assert [lease.payload for lease in raw_client.answer()] == [b"0", b"1"]
    waiting = asyncio.create_task(memory_source.claim(5, 30.0, "owner"))
    assert [lease.payload for lease in await waiting] == [b"2"]
    waiting = asyncio.create_task(memory_source.claim(5, 30.0, "owner"))
    raw_client.close()
    leases = await waiting
    assert [(lease.payload, lease.attempt, lease.crashes) for lease in leases] == [
        (b"0", 1, 0),
        (b"1", 1, 0),
    ]


async def test_confirmed_jobs_stay_leased_when_their_client_dies(
    raw_client: RawClient, memory_source: MemorySource
) -> None:
    (id_,) = await memory_source.enqueue([NewJob(b"1")])
    raw_client.call(wire.ClaimCall(1, 0.0, "ghost"))
    raw_client.answer()
    raw_client.call(wire.Got())
    raw_client.call(wire.ClaimCall(1, 0.0, "ghost"))
    assert raw_client.answer() == []
    raw_client.close()
    assert await memory_source.claim(1, 0.1, "owner") == []
    assert await leased(memory_source) == 1
    assert await memory_source.reclaim("ghost", blamed=frozenset({mark_of(id_)})) == 1
    (lease,) = await memory_source.claim(1, 1.0, "owner")
    assert (lease.attempt, lease.crashes) == (1, 1)


async def test_a_cancelled_claim_gives_its_jobs_back_at_once(memory_source: MemorySource) -> None:
    for n in range(30):
        claim = asyncio.create_task(memory_source.claim(1, 5.0, "owner"))
        await asyncio.sleep(0)
        await memory_source.enqueue([NewJob(b"%d" % n)])
        claim.cancel()
        ended = await asyncio.gather(claim, return_exceptions=True)
        if isinstance(ended[0], list):
            assert await memory_source.settle([Ack(lease) for lease in ended[0]]) == [True]
        else:
            (lease,) = await memory_source.claim(1, 5.0, "owner")
            assert (lease.payload, lease.attempt, lease.crashes) == (b"%d" % n, 1, 0)
            assert await memory_source.settle([Ack(lease)]) == [True]


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
    raw_client: RawClient, memory_source: MemorySource, noise: bytes
) -> None:
    raw_client.socket.sendall(noise)
    assert await asyncio.to_thread(_ended, raw_client.socket)
    await memory_source.enqueue([NewJob(b"1")])
    assert len(await memory_source.claim(1, 1.0, "owner")) == 1


def _ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


async def test_a_frame_may_come_byte_by_byte(
    raw_client: RawClient, memory_source: MemorySource
) -> None:
    await memory_source.enqueue([NewJob(b"1")])
    for byte in wire.frame(wire.encode(wire.ClaimCall(1, 0.0, "slow"))):
        raw_client.socket.sendall(bytes((byte,)))
    assert [lease.payload for lease in raw_client.answer()] == [b"1"]


# Limits.


async def test_a_job_that_is_too_large_is_refused_with_its_size(
    memory_source: MemorySource,
) -> None:
    with pytest.raises(BackendRefused, match=f"{MAX_JOB_BYTES + 1} bytes is too large"):
        await memory_source.enqueue([NewJob(b"small"), NewJob(b"x" * (MAX_JOB_BYTES + 1))])
    assert (await memory_source.stats()).ready == 0


async def test_more_than_one_message_of_jobs_is_enqueued_in_order(
    memory_source: MemorySource,
) -> None:
    payloads = [b"%d" % n + b"x" * (6 << 20) for n in range(5)]
    ids = await memory_source.enqueue([NewJob(payload) for payload in payloads])
    taken: list[Lease] = []
    while len(taken) < 5:
        leases = await memory_source.claim(5, 1.0, "owner")
        assert leases
        taken += leases
    assert [lease.id for lease in taken] == ids
    assert [lease.payload for lease in taken] == payloads


async def test_eviction_is_counted_for_all_to_see(memory_source: MemorySource) -> None:
    await memory_source.enqueue([NewJob(b"%d" % n) for n in range(1_005)])
    stats = await memory_source.stats()
    assert (stats.ready, stats.evicted) == (1_000, 5)
    (lease,) = await memory_source.claim(1, 0.0, "owner")
    assert lease.payload == b"5"


async def test_an_id_with_another_payload_is_refused(memory_source: MemorySource) -> None:
    await memory_source.enqueue([NewJob(b"1", id="a")])
    with pytest.raises(BackendRefused, match="'a' is in the queue with another payload"):
        await memory_source.enqueue([NewJob(b"2", id="a")])


# Waiting.


async def test_waiting_claims_are_served_first_come_first_served(
    broker: BrokerProcess, memory_source: MemorySource
) -> None:
    clients = [RawClient(broker.socket_path) for _ in range(4)]
    for client in clients:
        client.call(wire.ClaimCall(1, 60.0, "owner"))
        client.socket.settimeout(5.0)
        await memory_source.stats()  # the broker has read the claim when it answers this
    await memory_source.enqueue([NewJob(b"%d" % n) for n in range(4)])
    assert [client.answer()[0].payload for client in clients] == [b"0", b"1", b"2", b"3"]
    for client in clients:
        client.close()


async def test_claims_one_after_the_other_share_a_connection(memory_source: MemorySource) -> None:
    for _ in range(5):
        assert await memory_source.claim(1, 0.0, "owner") == []
    assert len(memory_source._idle) == 1
    await asyncio.gather(*(memory_source.claim(1, 0.01, "owner") for _ in range(3)))
    assert len(memory_source._idle) == 3
