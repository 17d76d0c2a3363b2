"""Just enough HTTP/1.1 for a receiver: ``Content-Length``, kept-alive connections."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec

_MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_BODY_BYTES: Final = 16 * 1024 * 1024


class BadRequest(Exception):  # noqa: N818 - the status's name
    """The bytes are no request that is understood here. ``status`` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class HttpRequest(msgspec.Struct, frozen=True):
    """One request as it came.

    Attributes:
        method: ``POST``.
        target: Path and query, as on the wire.
        headers: In order, in the sender's case.
        body: Raw bytes.
        keep_alive: Whether the connection stays open after the answer.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    keep_alive: bool

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def by_name(self) -> dict[str, str]:
        """Headers by lower-case name; values of a name that came twice are joined by ``, ``."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            name = name.lower()  # noqa: PLW2901 - a name's only use here
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found


class RequestReader:
    """Collects bytes of one connection and cuts requests out of them."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._head: HttpRequest | None = None
        self._body_bytes = 0
        #: The sender waits for ``100 Continue`` before its body.
        self.expects_continue = False

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self._bytes += data

    def next(self) -> HttpRequest | None:
        """Cut out the next whole request; None: more bytes are needed. Raises ``BadRequest``."""
        if self._head is None and not self._read_head():
            return None
        if len(self._bytes) < self._body_bytes:
            return None
        head, self._head = self._head, None
        assert head is not None
        body = bytes(self._bytes[: self._body_bytes])
        del self._bytes[: self._body_bytes]
        return HttpRequest(head.method, head.target, head.headers, body, head.keep_alive)

    def _read_head(self) -> bool:
        end = self._bytes.find(b"\r\n\r\n")
        if end < 0:
            if len(self._bytes) > _MAX_HEAD_BYTES:
                raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return False
        lines = self._bytes[:end].decode("latin-1").split("\r\n")
        del self._bytes[: end + 4]
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        headers = tuple(_header(line) for line in lines[1:])
        self._head = head = HttpRequest(words[0], words[1], headers, b"", keep_alive=True)
        names = head.by_name()
        if "transfer-encoding" in names:
            raise BadRequest(HTTPStatus.LENGTH_REQUIRED)
        length = names.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        self._body_bytes = int(length)
        if self._body_bytes > _MAX_BODY_BYTES:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self.expects_continue = names.get("expect", "").lower() == "100-continue"
        stays = names.get("connection", "").lower() != "close" and words[2] == "HTTP/1.1"
        if not stays:
            self._head = HttpRequest(words[0], words[1], headers, b"", keep_alive=False)
        return True


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    return name, value.strip(" \t")


def answer(
    status: int,
    body: bytes = b"",
    headers: tuple[tuple[str, str], ...] = (),
    *,
    keep_alive: bool = True,
) -> bytes:
    """The bytes of an answer."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(body)}")
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
