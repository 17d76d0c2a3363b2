"""One client connection to the memory broker."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from pathlib import Path
from typing import TypeVar

import msgspec

from sockq.drivers import memory_wire as wire
from sockq.drivers.errors import BackendRefused, BackendUnavailable

CONNECT_SECONDS = 3.0
NEXT_STEP = "is a fleet running? sockq run --mode worker"

T = TypeVar("T")


def unavailable(path: Path, what: str) -> BackendUnavailable:
    """Return the error for a broker that does not do what it should."""
    return BackendUnavailable(f"memory broker on {path}: {what}; {NEXT_STEP}")


class Connection(asyncio.Protocol):
    """Sends calls; answers come back in order, so an abandoned call confuses no later one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames = wire.FrameReader()
        self._transport: asyncio.Transport | None = None
        self._answers: deque[asyncio.Future[bytes]] = deque()

    @classmethod
    async def open(cls, path: Path) -> Connection:
        """Connect.

        Raises:
            BackendUnavailable: nothing answers there.
            BackendRefused: the path can never work, or is not for this user.
        """
        if len(os.fsencode(path)) > wire.MAX_PATH_BYTES:
            raise BackendRefused(f"{path} is too long for a Unix socket: choose a shorter --dir")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_unix_connection(
                    lambda: cls(path), os.fspath(path)
                )
        except PermissionError as error:
            raise BackendRefused(
                f"memory broker on {path}: permission denied; use the user that runs the fleet"
            ) from error
        except TimeoutError as error:
            raise unavailable(path, f"no connection within {CONNECT_SECONDS:g} s") from error
        except FileNotFoundError as error:
            raise unavailable(path, "there is no such socket") from error
        except OSError as error:
            raise unavailable(path, (error.strerror or "cannot connect").lower()) from error
        return connection

    @property
    def usable(self) -> bool:
        """Whether a call can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def call(self, call: wire.Call, answer_type: type[T], within: float) -> T:
        """Send one call and return its result.

        Raises:
            BackendUnavailable: no answer within that many seconds, or the broker asks to try later.
            BackendRefused: the broker says no.
        """
        answer = asyncio.get_running_loop().create_future()
        self._send(call)
        self._answers.append(answer)
        try:
            async with asyncio.timeout(within):
                body = await answer
        except TimeoutError as error:
            self.close()
            raise unavailable(self._path, f"no answer within {within:g} s") from error
        try:
            if body[0] == wire.OK:
                return msgspec.msgpack.decode(memoryview(body)[1:], type=answer_type)
            text = msgspec.msgpack.decode(memoryview(body)[1:], type=str)
        except (IndexError, msgspec.DecodeError) as error:
            self.close()
            raise unavailable(self._path, "it is of another version, restart the fleet") from error
        raise BackendRefused(text) if body[0] == wire.REFUSED else BackendUnavailable(text)

    def confirm(self) -> None:
        """Tell the broker that the leases of the last claim are here."""
        self._send(wire.Got())

    def close(self) -> None:
        """Close at once; calls under way end with BackendUnavailable. Safe to call twice."""
        if self._transport is not None:
            self._transport.abort()

    def _send(self, call: wire.Call) -> None:
        if self._transport is None or self._transport.is_closing():
            raise unavailable(self._path, "the connection is closed")
        try:
            self._transport.write(wire.frame(wire.encode(call)))
        except wire.FrameTooLargeError as error:
            raise BackendRefused(f"the memory queue cannot take that: {error}") from error

    # Called by the loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Give each answer to its call."""
        try:
            for body in self._frames.feed(data):
                answer = self._answers.popleft()
                if not answer.done():
                    answer.set_result(body)
        except (wire.FrameTooLargeError, IndexError):
            self.close()  # not our broker

    def connection_lost(self, _exc: Exception | None) -> None:
        """End the calls that are under way."""
        self._transport = None
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(unavailable(self._path, "it closed the connection"))
        self._answers.clear()
