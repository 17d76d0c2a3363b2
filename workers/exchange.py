"""One connection to an endpoint and the exchange on it: request out, answer in.

Plain callbacks of the loop, no task, future or timer per exchange: the engine's one sweep ends
what is overdue. The usual exchange is one ``send``, one ``recv`` and one pass of the parser;
everything else (parts, 1xx, cut answers, anything but 2xx) is read again by ``answer.py``.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from typing import Final, Protocol

import httptools

from sockq.workers.answer import MAX_INFORMATIONAL, Answer, one_line, read_answer
from sockq.workers.answer import retry_after_seconds as read_retry_after
from sockq.workers.connect import Connected
from sockq.workers.outcome import Fault, Outcome
from sockq.workers.request import Request

NEVER: Final = math.inf
_READ_BYTES: Final = 16 * 1024
_AGAIN: Final = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Owner(Protocol):
    """Who is told. Each call is the last thing a connection does with an exchange."""

    def exchange_over(
        self, connection: Connection, request: Request, outcome: Outcome, now: float
    ) -> None:
        """The exchange has ended; if the connection is still open it is free for the next."""

    def exchange_stale(self, connection: Connection, request: Request, deadline: float) -> None:
        """A reused connection turned out to be dead before any answer; it is closed now."""

    def exchange_dropped(self, connection: Connection) -> None:
        """A connection was closed in the middle of an exchange, by the owner's own wish."""

    def idle_lost(self, connection: Connection) -> None:
        """A connection was closed while it was idle."""


class Connection:
    """An open connection; at most one exchange at a time.

    Args:
        loop: The loop whose callbacks it runs in.
        connected: The socket; owned from here on.
        owner: Who is told what becomes of exchanges.
        limit_bytes: Most of an answer that is read.

    Attributes:
        request: What is being exchanged, or None while idle.
        started: Monotonic seconds at which the exchange began, connecting included.
        deadline: Monotonic seconds at which it is overdue; infinity while idle.
        idle_since: Monotonic seconds at which it was last used, if it is idle.
        opened_at: Monotonic seconds at which it was opened.
        retired: Not to be used for another exchange.
        closed: The socket is closed.
        owner: As given.
    """

    __slots__ = (
        "_begun", "_feed", "_informational", "_keep", "_limit_bytes", "_loop", "_parser",
        "_proxy", "_raw", "_recv", "_reused", "_send", "_sock", "_status", "_unsent", "closed",
        "deadline", "fd", "idle_since", "opened_at", "owner", "request", "retired", "started",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connected: Connected,
        owner: Owner,
        limit_bytes: int,
    ) -> None:
        self._loop = loop
        self._sock = sock = connected.sock
        self._proxy = connected.proxy
        self.owner = owner
        self._limit_bytes = limit_bytes
        self._send = sock.send
        self._recv = sock.recv
        self.fd = sock.fileno()
        self.request: Request | None = None
        self.started = self.idle_since = self.opened_at = time.monotonic()
        self.deadline = NEVER
        self.retired = False
        self.closed = False
        self._reused = False
        self._raw: bytearray | None = None
        self._unsent: memoryview | None = None
        self._status = 0
        self._begun = 0
        self._informational = 0
        self._keep = True
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._feed = self._parser.feed_data
        loop.add_reader(self.fd, self._readable)

    # What the owner does with it

    def start(self, request: Request, data: bytes, started: float, deadline: float) -> None:
        """Begin an exchange. Its end may be told before this returns.

        Args:
            request: Whose exchange it is.
            data: Its head and body.
            started: When the exchange began, connecting included.
            deadline: When it is overdue.
        """
        if self._proxy is not None:
            data = self._proxy.absolute(request.endpoint, data)
        self.request = request
        self.started = started
        self.deadline = deadline
        self._begun = self._informational = 0
        try:
            sent = self._send(data)
        except _AGAIN:
            sent = 0
        except OSError as error:
            self._cannot_send(error)
            return
        if sent != len(data):
            self._unsent = memoryview(data)[sent:]
            self._loop.add_writer(self.fd, self._writable)

    def expire(self, now: float) -> None:
        """End the exchange because its deadline has passed, whatever has come so far."""
        answer = read_answer(bytes(self._raw)) if self._raw else Answer()
        if self._unsent is not None:
            detail = "the endpoint did not take the whole request in time"
        elif answer.status:
            detail = f"the answer (status {answer.status}) did not end in time"
        else:
            detail = "no answer in time"
        self._end(Outcome(fault=Fault.TIMEOUT, detail=detail), now=now)

    def close(self) -> Request | None:
        """Close the socket; tells nobody.

        Returns:
            The request of the exchange that was going on, if any.
        """
        request, self.request = self.request, None
        self.deadline = NEVER
        if self.closed:
            return request
        self.closed = True
        self._loop.remove_reader(self.fd)
        if self._unsent is not None:
            self._loop.remove_writer(self.fd)
            self._unsent = None
        self._sock.close()
        self._parser = None  # it refers to this object: no cycle is left behind
        del self._feed
        return request

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        """Count answers, to notice one that nobody asked for."""
        self._begun += 1

    def on_message_complete(self) -> None:
        """Take the status while the parser still knows it."""
        parser = self._parser
        if parser is None or self._status:
            return
        status = parser.get_status_code()
        if status >= 200:  # noqa: PLR2004 - final
            self._status = status
            self._keep = parser.should_keep_alive()
        else:
            self._informational += 1
            if status == 101 or self._informational > MAX_INFORMATIONAL:  # noqa: PLR2004
                raise ValueError  # ends the parse; answer.py words it

    # Callbacks of the loop

    def _readable(self) -> None:
        try:
            data = self._recv(_READ_BYTES)
        except _AGAIN:
            return
        except OSError as error:
            self._broken(error)
            return
        request = self.request
        if not data or request is None or self._raw is not None:
            self._unusual(data)
            return
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._status:
                self._misread(data)
                return
            self._keep = False  # surplus bytes after a whole answer
        status = self._status
        if not status or self._unsent is not None:
            self._partial(data)
            return
        self._status = 0
        now = time.monotonic()
        elapsed = now - self.started
        if 200 <= status < 300:  # noqa: PLR2004 - success
            outcome = Outcome(status=status, elapsed_seconds=elapsed)
        else:
            outcome = _unsuccessful(read_answer(data), status, elapsed)
        if self._keep and self._begun == 1 + self._informational and not self.retired:
            self.request = None
            self.deadline = NEVER
            self._reused = True
        else:
            self.close()
        self.owner.exchange_over(self, request, outcome, now)

    def _writable(self) -> None:
        if self._unsent is None:
            return
        try:
            sent = self._send(self._unsent)
        except _AGAIN:
            return
        except OSError as error:
            self._stop_writing()
            self._cannot_send(error)
            return
        if sent == len(self._unsent):
            self._stop_writing()
        else:
            self._unsent = self._unsent[sent:]

    # Off the usual path

    def _stop_writing(self) -> None:
        self._loop.remove_writer(self.fd)
        self._unsent = None

    def _cannot_send(self, error: OSError) -> None:
        """The endpoint takes no more. It may have answered before: that answer counts."""
        self.retired = True
        while self.request is not None:
            before = self.request, self._received()
            self._readable()
            if not self.closed and before == (self.request, self._received()):
                self._broken(error)

    def _received(self) -> int:
        return len(self._raw) if self._raw is not None else 0

    def _partial(self, data: bytes) -> None:
        """The first piece of an answer did not end it, or it came before the request was sent."""
        if self._status:
            self._end_with(bytes(data))
            return
        self._raw = bytearray(data)
        self._check_limit()

    def _unusual(self, data: bytes) -> None:
        """The end of the stream, bytes while idle, or a further piece of an answer."""
        if self.request is None:
            self.close()
            self.owner.idle_lost(self)
        elif not data:
            self._ended_by_peer()
        else:
            assert self._raw is not None
            self._raw += data
            try:
                self._feed(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade):
                if not self._status:
                    self._misread(bytes(self._raw))
                    return
                self._keep = False
            if self._status:
                self._end_with(bytes(self._raw))
            else:
                self._check_limit()

    def _check_limit(self) -> None:
        """Read no more than the limit; a status that is complete by then stands."""
        assert self._raw is not None
        if len(self._raw) >= self._limit_bytes:
            self.retired = True
            excess = f"the head of the answer is longer than {self._limit_bytes} bytes"
            self._end_with(bytes(self._raw), Fault.BAD_RESPONSE, excess)

    def _misread(self, raw: bytes) -> None:
        """Not HTTP, or not good HTTP. A complete head counts even so."""
        self.retired = True
        self._end_with(raw, Fault.BAD_RESPONSE)

    def _ended_by_peer(self) -> None:
        self.retired = True
        if self._raw is not None:
            self._end_with(
                bytes(self._raw), Fault.TRUNCATED, "the connection ended within the answer's head"
            )
        elif self._reused:
            self._stale()
        else:
            self._end(Outcome(fault=Fault.RESET, detail="the connection ended without an answer"))

    def _broken(self, error: OSError) -> None:
        """The connection failed while reading or writing."""
        self.retired = True
        if self.request is None:
            self.close()
            self.owner.idle_lost(self)
            return
        detail = one_line(error.strerror or type(error).__name__)
        if self._raw is not None:
            self._end_with(bytes(self._raw), Fault.RESET, detail)
        elif self._reused:
            self._stale()
        else:
            self._end(Outcome(fault=Fault.RESET, detail=detail))

    def _stale(self) -> None:
        deadline = self.deadline
        request = self.close()
        assert request is not None
        self.owner.exchange_stale(self, request, deadline)

    def _end_with(self, raw: bytes, fault: Fault | None = None, detail: str = "") -> None:
        """End with the status that ``raw`` holds, or with ``fault`` if its head is not complete."""
        answer = read_answer(raw)
        status = self._status or answer.status
        if status:
            self._end(_unsuccessful(answer, status, 0.0))
        else:
            detail = answer.error or detail or "the answer is not HTTP"
            self._end(Outcome(fault=fault or Fault.BAD_RESPONSE, detail=detail))

    def _end(self, outcome: Outcome, now: float | None = None) -> None:
        """End an exchange off the usual path."""
        request = self.request
        assert request is not None
        now = time.monotonic() if now is None else now
        whole = self._status and outcome.fault is None and self._unsent is None
        surplus = self._begun != 1 + self._informational
        self._status = 0
        self._raw = None
        if whole and self._keep and not surplus and not self.retired:
            self.request = None
            self.deadline = NEVER
            self._reused = True
        else:
            self.close()
        elapsed = now - self.started
        self.owner.exchange_over(self, request, _timed(outcome, elapsed), now)


class TlsConnection(Connection):
    """The same over TLS: bytes may wait inside the TLS layer, where the loop does not see them."""

    __slots__ = ()

    def _readable(self) -> None:
        sock = self._sock
        assert isinstance(sock, ssl.SSLSocket)
        super()._readable()
        while not self.closed and sock.pending():
            super()._readable()


def make_connection(
    loop: asyncio.AbstractEventLoop, connected: Connected, owner: Owner, limit_bytes: int
) -> Connection:
    """Put an open socket to work in the loop."""
    kind = TlsConnection if isinstance(connected.sock, ssl.SSLSocket) else Connection
    return kind(loop, connected, owner, limit_bytes)


def _unsuccessful(answer: Answer, status: int, elapsed_seconds: float) -> Outcome:
    """Word an answer that was read in full detail; also used for a 2xx that came in pieces."""
    if 200 <= status < 300:  # noqa: PLR2004 - success
        return Outcome(status=status, elapsed_seconds=elapsed_seconds)
    return Outcome(
        status=status,
        detail=answer.detail(),
        retry_after_seconds=read_retry_after(answer.headers.get(b"retry-after"), time.time()),
        elapsed_seconds=elapsed_seconds,
    )


def _timed(outcome: Outcome, elapsed_seconds: float) -> Outcome:
    return Outcome(
        status=outcome.status,
        fault=outcome.fault,
        detail=outcome.detail,
        retry_after_seconds=outcome.retry_after_seconds,
        elapsed_seconds=elapsed_seconds,
    )
