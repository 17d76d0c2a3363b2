"""Reading what is not the plain case of an answer: anything but a whole 2xx in one piece. Pure.

An endpoint's text is a stranger's text: what leaves here is one line without control characters.
"""

from __future__ import annotations

import contextlib
import unicodedata
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import ada_url
import httptools
import msgspec

MAX_INFORMATIONAL: Final = 8
MAX_DETAIL: Final = 200
_SWITCHING: Final = 101
_FINAL: Final = 200
_SNIPPET_BYTES: Final = 1024
_MAX_SECONDS: Final = 1e9


class Answer(msgspec.Struct, gc=False):
    """What could be read of an answer so far.

    Attributes:
        status: Of the final answer, 0 while its head is incomplete.
        informational: 1xx answers before it.
        headers: Of the final answer: lower-case name to value; of repeated ones the first.
        body: The first bytes of its body, transfer coding removed.
        error: What is wrong with it as HTTP, or empty.
    """

    status: int = 0
    informational: int = 0
    headers: dict[bytes, bytes] = {}
    body: bytes = b""
    error: str = ""

    def detail(self) -> str:
        """One line about an answer that is no success: where it points to, or how it starts."""
        location = self.headers.get(b"location")
        if location is not None and self.status < 400:  # noqa: PLR2004 - redirects
            return one_line(f"location {_without_credentials(location.decode('latin-1'))}")
        return one_line(self.body.decode("utf-8", "replace"))


class _Collector:
    """Callbacks of the parser; all of them, this is not the hot path."""

    def __init__(self) -> None:
        self.answer = Answer(headers={})
        self.parser: httptools.HttpResponseParser = httptools.HttpResponseParser(self)
        # Some receivers end lines with LF alone; the connection is closed after such an answer.
        lenient = getattr(self.parser, "set_dangerous_leniencies", None)
        if lenient is not None:
            with contextlib.suppress(TypeError):  # older releases know fewer of them
                lenient(lenient_optional_cr_before_lf=True, lenient_data_after_close=True)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.answer.status:
            self.answer.headers.setdefault(name.lower(), value)

    def on_headers_complete(self) -> None:
        answer, status = self.answer, self.parser.get_status_code()
        if answer.status or answer.error:
            return
        if status >= _FINAL:
            answer.status = status
            return
        answer.informational += 1
        answer.headers.clear()
        if status == _SWITCHING:
            answer.error = "status 101: it switched to another protocol"
        elif answer.informational > MAX_INFORMATIONAL:
            answer.error = f"more than {MAX_INFORMATIONAL} informational answers"

    def on_body(self, piece: bytes) -> None:
        if len(self.answer.body) < _SNIPPET_BYTES:
            self.answer.body += piece[:_SNIPPET_BYTES]


def read_answer(raw: bytes) -> Answer:
    """Read the bytes of one exchange from their start.

    Args:
        raw: Everything received in answer to one request, so far or in all.

    Returns:
        The final answer, whether or not its body is complete; ``status`` is 0 if its head is not.
    """
    collector = _Collector()
    try:
        collector.parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        collector.answer.error = collector.answer.error or one_line(str(error))
    return collector.answer


def retry_after_seconds(value: bytes | None, now_unix: float) -> float | None:
    """Read ``Retry-After``: seconds, also with a fraction, or an HTTP date.

    Args:
        value: The header, or None.
        now_unix: Seconds since the epoch, which a date is compared with.

    Returns:
        Seconds to wait, at least 0.0; None if absent or unreadable.
    """
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return min(float(text), _MAX_SECONDS)
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:  # asctime's form, which RFC 9110 5.6.7 reads as UTC
            date = date.replace(tzinfo=UTC)
        return min(max(0.0, date.timestamp() - now_unix), _MAX_SECONDS)
    except (ValueError, OverflowError, OSError):
        return None


def one_line(text: str) -> str:
    """Make text fit for a log or a terminal: control and format characters out, 200 at most."""
    cut = text[: 4 * MAX_DETAIL]
    shown = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in cut)
    return " ".join(shown.split())[:MAX_DETAIL].rstrip()


def _without_credentials(location: str) -> str:
    """Take userinfo out of a redirect's target; relative ones have none."""
    try:
        parsed = ada_url.URL(location, "http://relative.invalid/")
        if not parsed.username and not parsed.password:
            return location
        parsed.username = parsed.password = ""
    except (ValueError, UnicodeError):
        return location.rpartition("@")[2]
    return str(parsed.href)
