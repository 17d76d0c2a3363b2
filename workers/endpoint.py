"""Where a webhook goes: its URL read once, and the part of the request head that never changes."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Final
from urllib.parse import unquote_to_bytes

import ada_url

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")  # RFC 9110 5.5 less obs-text
_LATIN1_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # with obs-text
_MAX_HEADERS: Final = 32
_MAX_HEADER_BYTES: Final = 4096
_LONG_SEGMENT: Final = 20
_SHOWN_OF_LONG_SEGMENT: Final = 6
_MAX_LABEL: Final = 160


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A webhook's address. Credentials are in ``static_head`` only; ``label`` is what may be shown.

    Attributes:
        scheme: ``http`` or ``https``.
        host: Name or address to connect to; punycode, lower case, IPv6 without brackets.
        port: Always a number.
        host_header: As ``Host`` says it: IPv6 in brackets, the scheme's own port left out.
        target: Request target: path and query, percent-encoded.
        static_head: Request line and the headers that are the same every time, each line ended;
            what changes with the body, and the blank line, follow.
        label: Safe to show: no credentials, no query, long path segments cut.
        url_key: The normalised URL without credentials: the endpoint's identity. It may carry
            secrets in path or query, so it is not for showing.
    """

    scheme: str
    host: str
    port: int
    host_header: str
    target: str
    static_head: bytes
    label: str
    url_key: str

    def __repr__(self) -> str:
        return f"Endpoint({self.label})"


def make_endpoint(url: str, headers: Mapping[str, str], *, latin1: bool = False) -> Endpoint:
    """Read a webhook's URL and custom headers, by the rules the servers use (WHATWG URL).

    Args:
        url: As configured. Credentials become ``Authorization: Basic``, a fragment is dropped.
        headers: The webhook's own headers, already checked for reserved names. ``Authorization``,
            ``User-Agent``, ``Accept`` and ``Content-Type`` replace what would be sent without them.
        latin1: Whether a header's value may hold characters of Latin-1, each sent as one byte.

    Returns:
        The endpoint.

    Raises:
        ValueError: The URL or a header cannot be used. One line, without the URL or a value.
    """
    try:
        parsed = ada_url.URL(url)
    except (ValueError, UnicodeError):
        raise ValueError(_why_unreadable(url)) from None
    scheme = parsed.protocol[:-1]
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"the URL's scheme is {scheme[:20]!r}; use http or https")
    if not parsed.hostname:
        raise ValueError("the URL has no host; write http://HOST/PATH or https://HOST/PATH")
    port = int(parsed.port) if parsed.port else DEFAULT_PORTS[scheme]
    if port == 0:
        raise ValueError("the URL's port is 0; use 1 to 65535")
    authority = str(parsed.host)
    credentials = (str(parsed.username), str(parsed.password))
    parsed.hash = ""
    parsed.username = parsed.password = ""
    url_key = parsed.href
    target = url_key.removeprefix(f"{scheme}://{authority}")  # keeps a lone "?", as the servers do
    custom = dict(_legal(headers, latin1=latin1))
    lines = "".join(_head_lines(target, authority, credentials, custom))
    return Endpoint(
        scheme=scheme,
        host=str(parsed.hostname).strip("[]"),
        port=port,
        host_header=authority,
        target=target,
        static_head=lines.encode("latin-1"),
        label=_label(scheme, authority, target),
        url_key=url_key,
    )


@cache
def user_agent() -> str:
    """What requests say of their sender."""
    return f"sockq/{version('sockq')}"


def _head_lines(
    target: str, authority: str, credentials: tuple[str, str], custom: Mapping[str, str]
) -> Iterator[str]:
    given = {name.lower() for name in custom}
    yield f"POST {target} HTTP/1.1\r\n"
    yield f"Host: {authority}\r\n"
    if "content-type" not in given:
        yield "Content-Type: application/json\r\n"
    if "accept" not in given:
        yield "Accept: */*\r\n"
    if "user-agent" not in given:
        yield f"User-Agent: {user_agent()}\r\n"
    if any(credentials) and "authorization" not in given:
        plain = b":".join(unquote_to_bytes(part) for part in credentials)
        yield f"Authorization: Basic {b64encode(plain).decode()}\r\n"
    for name, value in custom.items():
        yield f"{name}: {value}\r\n"


def _legal(headers: Mapping[str, str], *, latin1: bool) -> Iterator[tuple[str, str]]:
    """Check custom headers: what one parser overlooks, the next one reads as a second request."""
    if len(headers) > _MAX_HEADERS:
        raise ValueError(f"{len(headers)} custom headers; at most {_MAX_HEADERS} are sent")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"custom header {name[:60]!r}: not a legal header name")
        if len(name) + len(value) > _MAX_HEADER_BYTES:
            raise ValueError(f"custom header {name[:60]!r}: longer than {_MAX_HEADER_BYTES} bytes")
        if not (_LATIN1_VALUE if latin1 else _VALUE).fullmatch(value):
            raise ValueError(
                f"custom header {name!r}: its value has a line break, a control character or a"
                f" character outside {'Latin-1' if latin1 else 'ASCII'}"
            )
        yield name, value.strip(" \t")


def _why_unreadable(url: str) -> str:
    """Say what is wrong with a URL that does not parse, without showing it."""
    text = url.strip()
    if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", text):
        return "the URL has no scheme; write http://HOST/PATH or https://HOST/PATH"
    authority = re.split(r"[/\\?#]", text.split(":", 1)[1].lstrip("/\\"), maxsplit=1)[0]
    host, colon, port = authority.rpartition("@")[2].rpartition(":")
    if not authority or (colon and not host):
        return "the URL has no host; write http://HOST/PATH or https://HOST/PATH"
    if colon and "]" not in port and not (port.isdigit() and int(port) < 65_536):  # noqa: PLR2004 - 16 bits
        return "the URL's port is not a number from 1 to 65535"
    return "the URL's host is not a legal name or address"


def _label(scheme: str, authority: str, target: str) -> str:
    path, question, _ = target.partition("?")
    segments = [
        f"{segment[:_SHOWN_OF_LONG_SEGMENT]}…" if len(segment) > _LONG_SEGMENT else segment
        for segment in path.split("/")
    ]
    label = f"{scheme}://{authority}{'/'.join(segments)}{'?…' if question else ''}"
    return label if len(label) <= _MAX_LABEL else f"{label[: _MAX_LABEL - 1]}…"
