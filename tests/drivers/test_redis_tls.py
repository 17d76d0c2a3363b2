"""Redis behind TLS: whom it trusts, and whom we do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.redis_server import RedisServer
from support.redis_sources import fails_to_open

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.redis import RedisDriver
from sockq.drivers.settings import RedisSettings, TlsSettings


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
