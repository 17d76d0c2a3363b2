"""One connection to an endpoint and the exchange on it: request out, answer in.

Plain callbacks of the loop, no task, future or timer per exchange: the engine's one sweep ends
what is overdue. The usual exchange is one ``send``, one ``recv`` and one pass of the parser;
everything else (parts, 1xx, cut answers, anything but 2xx) is read again by ``answer.py``.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Final

import httptools
import msgspec

from sockq.workers.answer import Answer, one_line, read_answer
from sockq.workers.answer import retry_after_seconds as read_retry_after
from sockq.workers.connect import Connected
from sockq.workers.outcome import SUCCESS, Fault, Outcome
from sockq.workers.request import Request
from sockq.workers.wire import AGAIN, NEVER, Owner, Wire

_READ_BYTES: Final = 16 * 1024


class Connection(Wire):
    """See ``Wire`` for what it is made of; these are the exchanges on it."""

    __slots__ = ()

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
        except AGAIN:
            sent = 0
        except OSError as error:
            if self._reused:  # what may lie there unread was said before this request
                self._broken(error)
            else:
                self._cannot_send(error)
            return
        if sent != len(data):
            self._write_later(memoryview(data)[sent:])

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

    # Callbacks of the loop

    def _readable(self) -> None:
        try:
            data = self._recv(_READ_BYTES)
        except AGAIN:
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
        if status in SUCCESS:
            outcome = Outcome(status=status, elapsed_seconds=elapsed)
        else:
            outcome = _outcome_of(read_answer(data), status, elapsed)
        if self._keep and self._begun == 1 + self._informational and not self.retired:
            self.request = None
            self.deadline = NEVER
            self._reused = True
        else:
            self.close()
        self.owner.exchange_over(self, request, outcome, now)

    # Off the usual path

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
            self._end(_outcome_of(answer, status))
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
        outcome = msgspec.structs.replace(outcome, elapsed_seconds=now - self.started)
        self.owner.exchange_over(self, request, outcome, now)


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


def _outcome_of(answer: Answer, status: int, elapsed_seconds: float = 0.0) -> Outcome:
    """Word an answer that was read in full detail; a 2xx needs no words."""
    outcome = Outcome(status=status, elapsed_seconds=elapsed_seconds)
    if outcome.delivered:
        return outcome
    return msgspec.structs.replace(
        outcome,
        detail=answer.detail(),
        retry_after_seconds=read_retry_after(answer.headers.get(b"retry-after"), time.time()),
    )
