"""What a connection is made of: socket, parser, the loop's callbacks, and how it is closed."""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Protocol

import httptools

from sockq.workers.answer import MAX_INFORMATIONAL
from sockq.workers.connect import Connected
from sockq.workers.outcome import Outcome
from sockq.workers.request import Request

if TYPE_CHECKING:
    from sockq.workers.exchange import Connection

NEVER: Final = math.inf
AGAIN: Final = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""Nothing to be had now; the loop will call again."""


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


class Wire(ABC):
    """An open connection in the loop; at most one exchange at a time.

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
        muted: What comes is not read for now (``mute``).
        owner: As given.
    """

    __slots__ = (
        "_begun", "_feed", "_informational", "_keep", "_limit_bytes", "_loop", "_parser",
        "_proxy", "_raw", "_recv", "_reused", "_send", "_sock", "_status", "_unsent", "closed",
        "deadline", "fd", "idle_since", "muted", "opened_at", "owner", "request", "retired",
        "started",
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
        self.closed = self.muted = False
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

    def mute(self) -> None:
        """Read nothing until ``unmute``; what comes waits in the system's buffers."""
        if not self.muted and not self.closed:
            self.muted = True
            self._loop.remove_reader(self.fd)

    def unmute(self) -> None:
        """Read again."""
        if self.muted and not self.closed:
            self._loop.add_reader(self.fd, self._readable)
        self.muted = False

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

    @abstractmethod
    def _readable(self) -> None:
        """Something has come, or the end."""

    @abstractmethod
    def _cannot_send(self, error: OSError) -> None:
        """The endpoint takes no more."""

    def _write_later(self, rest: memoryview) -> None:
        self._unsent = rest
        self._loop.add_writer(self.fd, self._writable)

    def _writable(self) -> None:
        if self._unsent is None:
            return
        try:
            sent = self._send(self._unsent)
        except AGAIN:
            return
        except OSError as error:
            self._stop_writing()
            self._cannot_send(error)
            return
        if sent == len(self._unsent):
            self._stop_writing()
        else:
            self._unsent = self._unsent[sent:]

    def _stop_writing(self) -> None:
        self._loop.remove_writer(self.fd)
        self._unsent = None
