"""The small HTTP server against clients of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sockq.supervisor import http_server
from sockq.supervisor.http_server import HEAD_BYTES, HttpServer, Page

GET = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"


def pages(path: str) -> Page | None:
    return Page(b"hello") if path == "/page" else None


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await asyncio.start_server(HttpServer(pages).serve, "127.0.0.1", 0, limit=HEAD_BYTES)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def say(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 5.0)
    finally:
        writer.close()


async def test_a_page(port: int) -> None:
    head, _, body = (await say(port, GET)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 5" in head
    assert b"Connection: close" in head
    assert body == b"hello"


async def test_head_has_no_body(port: int) -> None:
    head, _, body = (await say(port, GET.replace(b"GET", b"HEAD"))).partition(b"\r\n\r\n")
    assert b"Content-Length: 5" in head
    assert body == b""


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (GET.replace(b"/page", b"/page?x=1"), b"200"),
        (GET.replace(b"/page", b"/other"), b"404"),
        (GET.replace(b"/page", b"/../page"), b"404"),
        (GET.replace(b"GET", b"POST"), b"405"),
        (GET.replace(b"GET", b"DELETE"), b"405"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /page HTTP/2\r\n\r\n", b"400"),
        (b"GET /page HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (b"\xff\xfe /page HTTP/1.1\r\n\r\n", b"405"),
    ],
)
async def test_every_request_has_its_status(port: int, request_bytes: bytes, status: bytes) -> None:
    answer = await say(port, request_bytes)
    assert answer.split(b" ", 2)[1] == status


async def test_a_silent_client_is_dropped(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "TIMEOUT_SECONDS", 0.05)
    assert await say(port, b"GET /page HT") == b""


async def test_too_many_clients_are_turned_away(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MOST_CLIENTS", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await say(port, b"") == b""
    writer.write(GET)
    assert (await asyncio.wait_for(reader.read(), 5.0)).startswith(b"HTTP/1.1 200")
    writer.close()
