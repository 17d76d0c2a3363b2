"""A small HTTP server for a few read-only pages. Bounded in every direction.

A request is a head of at most 8 KiB that must be there within two seconds; the answer closes the
connection. Bodies are never read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

HEAD_BYTES: Final = 8 * 1024
TIMEOUT_SECONDS: Final = 2.0
MOST_CLIENTS: Final = 32

TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    body: bytes
    content_type: str = TEXT
    status: HTTPStatus = HTTPStatus.OK
    allow: str = ""


#: Makes the page of a path, or None where there is none.
Pages = Callable[[str], Page | None]


class HttpServer:
    """Serves pages to the connections that it is given (``asyncio.start_server``)."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._clients = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._clients += 1
        try:
            if self._clients <= MOST_CLIENTS:
                await self._answer(reader, writer)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            pass  # a client that is slow or gone has no answer
        finally:
            self._clients -= 1
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method = ""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            page = _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            method, page = self._page(head)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            writer.write(_head(page))
            if method != "HEAD":
                writer.write(page.body)
            await writer.drain()

    def _page(self, head: bytes) -> tuple[str, Page]:
        line = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(line) != 3 or not line[2].startswith("HTTP/1."):  # noqa: PLR2004 - a request line
            return "", _plain(HTTPStatus.BAD_REQUEST)
        method, target, _ = line
        if method not in ("GET", "HEAD"):
            return method, _plain(HTTPStatus.METHOD_NOT_ALLOWED, allow="GET, HEAD")
        page = self._pages(target.partition("?")[0])
        return method, page or _plain(HTTPStatus.NOT_FOUND)


def _plain(status: HTTPStatus, allow: str = "") -> Page:
    return Page(f"{status.phrase.lower()}\n".encode(), status=status, allow=allow)


def _head(page: Page) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.content_type}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if page.allow:
        lines.append(f"Allow: {page.allow}")
    return "\r\n".join((*lines, "", "")).encode()
