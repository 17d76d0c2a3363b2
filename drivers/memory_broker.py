"""The broker process of ``queue.driver = memory``: one store behind a Unix socket.

It has no tasks: calls are answered in the callback that brings them, so each is one atomic step.
Only a claim on an empty queue waits, as an entry in a line; whatever makes a job ready serves the
line at once. Jobs of a claim belong to their connection until the client confirms them (``Got``):
if the connection ends before, they go back uncharged, for nobody has begun to work on them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import stat
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import assert_never

import msgspec

from sockq.drivers import memory_wire as wire
from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.memory_store import MemoryStore

BACKLOG = 256


async def serve(
    socket_path: Path,
    capacity: int,
    lease_seconds: float,
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    """Hold a memory queue and serve it until ``stop`` is set; then the jobs are gone.

    Args:
        socket_path: Where to listen; a socket file left behind by a dead broker is replaced.
        capacity: See ``MemoryStore``.
        lease_seconds: How long a claim holds when nobody extends it.
        stop: Ends the service.
        ready: Called once when clients can connect.

    Raises:
        BackendRefused: the path cannot be used, or another broker answers there.
    """
    loop = asyncio.get_running_loop()
    broker = Broker(MemoryStore(secrets.token_hex(8), capacity), lease_seconds, loop)
    listener = _listen(socket_path)
    inode = _inode(socket_path)
    server = await loop.create_unix_server(
        lambda: BrokerProtocol(broker), sock=listener, backlog=BACKLOG
    )
    try:
        ready()
        await stop.wait()
    finally:
        server.close()
        broker.close()
        _remove(socket_path, inode)


class Broker:
    """The store, and the line of claims that wait for it."""

    def __init__(
        self, store: MemoryStore, lease_seconds: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.store = store
        self.loop = loop
        self.connections: set[BrokerProtocol] = set()
        self._lease_seconds = lease_seconds
        self._line: dict[BrokerProtocol, wire.ClaimCall] = {}  # first come, first served
        self._due_timer: asyncio.TimerHandle | None = None

    def claim(self, client: BrokerProtocol, call: wire.ClaimCall) -> None:
        """Answer the claim now, or when something becomes ready, or empty when its wait is over."""
        self._line[client] = call
        self.serve_line()
        if client in self._line:
            if call.wait_seconds > 0:
                client.wait(call.wait_seconds, partial(self._answer, client))
            else:
                self._answer(client)

    def serve_line(self) -> None:
        """Give what is ready to those who wait; call it after every step."""
        if not self._line:
            return
        self.store.promote(self.loop.time())
        while self._line and self.store.ready_count:
            self._answer(next(iter(self._line)))
        if self._due_timer is not None:
            self._due_timer.cancel()
            self._due_timer = None
        due = self.store.next_due()
        if self._line and due is not None:
            self._due_timer = self.loop.call_at(due, self.serve_line)

    def leave_line(self, client: BrokerProtocol) -> None:
        """Forget the claim of a client that is gone."""
        self._line.pop(client, None)

    def close(self) -> None:
        """End every connection."""
        self._line.clear()
        if self._due_timer is not None:
            self._due_timer.cancel()
        for client in list(self.connections):
            client.abort()

    def _answer(self, client: BrokerProtocol) -> None:
        call = self._line.pop(client)
        leases = self.store.claim(call.limit, call.owner, self._lease_seconds, self.loop.time())
        client.hand_over([lease.receipt for lease in leases])
        client.reply(wire.OK, leases)


class BrokerProtocol(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._frames = wire.FrameReader()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unconfirmed: list[str] = []  # receipts, the oldest first

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._broker.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Answer every call that is complete."""
        try:
            for body in self._frames.feed(data):
                self._handle(wire.decode_call(body))
        except (wire.FrameTooLargeError, msgspec.DecodeError):
            self.abort()  # no client of this version speaks so

    def connection_lost(self, _exc: Exception | None) -> None:
        """Give back what did not reach the client."""
        self._broker.connections.discard(self)
        self._broker.leave_line(self)
        self._transport = None
        self._stop_waiting()
        now = self._broker.loop.time()
        for receipt in reversed(self._unconfirmed):
            self._broker.store.release(receipt, 0.0, None, now)
        self._unconfirmed = []
        self._broker.serve_line()

    def pause_writing(self) -> None:
        """Take no more calls from a client that does not read its answers."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def wait(self, seconds: float, then: Callable[[], None]) -> None:
        """Call ``then`` later unless an answer is sent before."""
        self._timer = self._broker.loop.call_later(seconds, then)

    def hand_over(self, receipts: list[str]) -> None:
        """Remember what the client has to confirm."""
        self._unconfirmed = receipts

    def reply(self, status: int, result: object) -> None:
        """Send an answer."""
        self._stop_waiting()
        if self._transport is not None:
            self._transport.write(wire.frame(bytes((status,)), wire.encode(result)))

    def abort(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def _handle(self, call: wire.Call) -> None:
        if isinstance(call, wire.Got):
            self._unconfirmed = []
        elif isinstance(call, wire.ClaimCall):
            self._broker.claim(self, call)
        else:
            try:
                result = _step(self._broker.store, call, self._broker.loop.time())
            except BackendRefused as error:
                self.reply(wire.REFUSED, str(error))
            except BackendUnavailable as error:
                self.reply(wire.UNAVAILABLE, str(error))
            else:
                self.reply(wire.OK, result)
                self._broker.serve_line()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _step(store: MemoryStore, call: wire.StoreCall, now: float) -> object:
    """Do what a call asks for and return its result."""
    result: object
    match call:
        case wire.SettleCall():
            now_ms = time.time_ns() // 1_000_000
            result = [_end(store, ending, now, now_ms) for ending in call.endings]
        case wire.ExtendCall():
            result = [store.extend(receipt, call.seconds, now) for receipt in call.receipts]
        case wire.EnqueueCall():
            result = store.enqueue(call.jobs, call.delay_seconds, now)
        case wire.ReclaimCall():
            result = store.reclaim(call.owner, now, blamed=frozenset(call.blamed))
        case wire.StatsCall():
            result = store.stats(now)
        case wire.DeadLettersCall():
            result = store.dead_letters(call.cursor, call.limit)
        case wire.ReplayCall():
            result = store.replay(call.ids, now, call.payloads)
        case wire.DropCall():
            result = store.drop(call.ids)
        case wire.TrimDeadCall():
            now_ms = time.time_ns() // 1_000_000
            result = store.trim_dead(call.most, call.older_than_seconds, now_ms)
        case _:
            assert_never(call)
    return result


def _end(store: MemoryStore, ending: wire.Ending, now: float, now_ms: int) -> bool:
    match ending.kind:
        case "ack":
            return store.ack(ending.receipt)
        case "retry":
            return store.retry(ending.receipt, ending.delay_seconds, ending.state or b"", now)
        case "release":
            return store.release(ending.receipt, ending.delay_seconds, ending.state, now)
        case "dead":
            return store.bury(
                ending.receipt, ending.reason, ending.state or b"", now_ms, ending.payload
            )


def _listen(path: Path) -> socket.socket:
    """Return a listening socket at ``path``, open to this user only.

    It is made beside the path and moved there, so that nobody can connect before its rights are
    set, and a file left by a dead broker is replaced in one step.
    """
    beside = path.with_name(path.name + "~")
    if len(os.fsencode(beside)) > wire.MAX_PATH_BYTES:
        raise BackendRefused(f"{path} is too long for a Unix socket: choose a shorter directory")
    _refuse_taken(path)
    beside.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(os.fspath(beside))
        beside.chmod(stat.S_IRUSR | stat.S_IWUSR)
        listener.listen(BACKLOG)
        beside.replace(path)
    except OSError as error:
        listener.close()
        raise BackendRefused(f"cannot listen on {path}: {error.strerror}") from error
    listener.settimeout(0)
    return listener


def _refuse_taken(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise BackendRefused(f"{path} exists and is no socket: remove it or choose another")
    except FileNotFoundError:
        return
    except OSError as error:
        raise BackendRefused(f"cannot listen on {path}: {error.strerror}") from error
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        if probe.connect_ex(os.fspath(path)) == 0:
            raise BackendRefused(f"another broker answers on {path}: stop it first")


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _remove(path: Path, inode: int) -> None:
    """Remove the socket file unless another broker has replaced it."""
    with contextlib.suppress(FileNotFoundError):
        if _inode(path) == inode:
            path.unlink()
