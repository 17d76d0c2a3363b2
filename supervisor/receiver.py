"""A local endpoint that verifies webhooks as every official SDK does, and misbehaves on request."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from ssl import SSLContext
from typing import Self

import msgspec

from sockq.supervisor.receiver_http import BadRequest, HttpRequest, RequestReader, answer
from sockq.supervisor.receiver_rules import Rule, Rules
from sockq.supervisor.receiver_verdict import Verdict, judge


class Received(msgspec.Struct, frozen=True):
    """One request and what became of it.

    Attributes:
        at_ms: Unix time.
        connection: Number of the connection, from 1.
        method: ``POST``.
        target: Path and query.
        headers: In order, in the sender's case.
        body: Raw bytes.
        verdict: Whether it is genuine.
        status: What was answered; 0: nothing.
    """

    at_ms: int
    connection: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    verdict: Verdict
    status: int


class Receiver:
    """An HTTP server on one port. Use it as ``async with Receiver(…) as receiver``.

    Args:
        secrets: Secret of each app key; empty: signatures are not checked.
        rules: How to answer genuine requests. Others get 401.
        host: Address to listen at.
        port: 0 chooses a free one.
        heard: Called for every request, after it was judged.
        answered: Called when its answer has gone out whole, to a connection that is still open.
        fresh_only: Whether a webhook older than 300 s is refused, as the official SDKs do.
        keep: How many requests ``received`` keeps; later ones are only counted.
        ssl: For https.
    """

    def __init__(
        self,
        secrets: Mapping[str, str] | None = None,
        rules: Rules | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        heard: Callable[[Received], None] | None = None,
        answered: Callable[[Received], None] | None = None,
        fresh_only: bool = True,
        keep: int = 10_000,
        ssl: SSLContext | None = None,
    ) -> None:
        self.secrets = dict(secrets or {})
        self.rules = rules or Rules()
        self.received: list[Received] = []
        self.count = 0
        self.connections = 0
        self._host, self._port, self._ssl = host, port, ssl
        self._heard, self._keep = heard, keep
        self._answered = answered
        self._fresh_only = fresh_only
        self._seen: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self.open: set[_Connection] = set()

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), self._host, self._port, ssl=self._ssl, backlog=1024
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
            for connection in list(self.open):
                connection.drop()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port it listens at."""
        return self._port

    @property
    def url(self) -> str:
        """``http://HOST:PORT``, without a path."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._ssl else 'http'}://{host}:{self._port}"

    def take(self, request: HttpRequest, connection: int) -> tuple[Received, int, Rule]:
        """Judge and record a request; return it, the status to answer and the rule that applies."""
        rule = self.rules.of(request.path)
        now_ms = time.time_ns() // 1_000_000
        if request.method != "POST":
            verdict = Verdict(ok=False, why="not a POST")
            status: int = HTTPStatus.METHOD_NOT_ALLOWED
        else:
            verdict = judge(
                request.by_name(), request.body, self.secrets, now_ms if self._fresh_only else None
            )
            status = HTTPStatus.UNAUTHORIZED
        if verdict.ok:
            status = rule.status_of(self._seen[request.path])
            self._seen[request.path] += 1
        received = Received(
            now_ms,
            connection,
            request.method,
            request.target,
            request.headers,
            request.body,
            verdict,
            0 if rule.silent or rule.cut else int(status),
        )
        self.count += 1
        if len(self.received) < self._keep:
            self.received.append(received)
        if self._heard is not None:
            self._heard(received)
        return received, int(status), rule

    def told(self, received: Received) -> None:
        """The answer to this request has gone out."""
        if self._answered is not None:
            self._answered(received)


class _Connection(asyncio.Protocol):
    """One connection: requests are answered one after another."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._reader = RequestReader()
        self._transport: asyncio.Transport | None = None
        self._slow: asyncio.Task[None] | None = None
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._receiver.connections += 1
        self._number = self._receiver.connections
        self._receiver.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # the peer may close as it likes
        self._transport = None
        self._receiver.open.discard(self)
        if self._slow is not None:
            self._slow.cancel()

    def drop(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        if self._slow is None:
            self._go_on()

    def _go_on(self) -> None:
        """Answer every request that is complete; stop at one whose answer takes time."""
        while (transport := self._transport) is not None and not transport.is_closing():
            try:
                request = self._reader.next()
            except BadRequest as refusal:
                transport.write(answer(refusal.status, keep_alive=False))
                transport.close()
                return
            if request is None:
                if self._reader.expects_continue:
                    self._reader.expects_continue = False
                    transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            received, status, rule = self._receiver.take(request, self._number)
            reply = _reply(status, rule, request)
            if not rule.plain:
                slowly = self._answer_slowly(received, rule, reply, request)
                self._slow = asyncio.ensure_future(slowly)
                return
            transport.write(reply)
            self._told(transport, received)
            if not request.keep_alive:
                transport.close()

    def _told(self, transport: asyncio.Transport, received: Received) -> None:
        if not transport.is_closing():  # the peer had gone, or was gone when it was written
            self._receiver.told(received)

    async def _answer_slowly(
        self, received: Received, rule: Rule, reply: bytes, request: HttpRequest
    ) -> None:
        await asyncio.sleep(rule.delay_seconds)
        transport = self._transport
        if transport is None or rule.silent:
            return
        if rule.cut:
            transport.write(reply[: reply.index(b"\r\n") + 6])
            transport.close()
            return
        if rule.drip_seconds:
            for byte in reply:
                transport.write(bytes((byte,)))
                await asyncio.sleep(rule.drip_seconds)
        else:
            transport.write(reply)
        self._told(transport, received)
        self._slow = None
        if request.keep_alive:
            self._go_on()
        else:
            transport.close()


def _reply(status: int, rule: Rule, request: HttpRequest) -> bytes:
    headers = rule.headers
    if rule.retry_after:
        headers = (*headers, ("Retry-After", rule.retry_after))
    return answer(status, rule.body, headers, keep_alive=request.keep_alive)
