"""Sends commands to one Redis server, over connections of redis-py that are kept.

redis-py's own client does the same with much ado: a task for each send, two timers, a lock, a dozen
calls of its instrumentation. Measured: 60 us a command of which this takes 30, and of a worker that
has just woken from idling 300 and 150. Connecting, TLS, logging in, parsing and the meaning of
answers are redis-py's still.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from hiredis import pack_command
from redis.asyncio import Connection, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError


class Node:
    """Commands to one server, any number at a time, each over a connection of its own.

    A command that fails or is cancelled under way takes its connection with it.

    Args:
        make: Makes a connection, not connected, without a read timeout of its own.
        timeout_seconds: For connecting with all that belongs to it, and again for an answer.
    """

    def __init__(self, make: Callable[[], Connection], timeout_seconds: float) -> None:
        self._make = make
        self._timeout_seconds = timeout_seconds
        # Never connects: it knows the answers of which commands to convert, of that protocol.
        self._reader = Redis(protocol=2)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._closed = False

    async def execute_command(self, *args: Any) -> Any:
        """Send one command and return its answer.

        Raises:
            RedisError: the server says no, cannot be reached or does not answer in time; or
                OSError, EOFError, ValueError.
        """
        (answer,) = await self.execute_commands(args)
        return answer

    async def execute_commands(self, *commands: Sequence[Any]) -> list[Any]:
        """Send several at once; each is run when the one before has ended. Return their answers.

        Raises:
            RedisError: as above; what the server says to the first that it refuses.
        """
        connection = self._take()
        try:
            return await self._talk(connection, commands)
        finally:
            self._give_back(connection)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[OneConnection]:
        """Keep one connection for several commands."""
        connection = self._take()
        try:
            yield OneConnection(self, connection)
        finally:
            self._give_back(connection)

    async def aclose(self) -> None:
        """Close every connection; commands under way fail."""
        self._closed = True
        open_ones = [*self._idle, *self._busy]
        self._idle.clear()
        await asyncio.gather(*(each.disconnect() for each in open_ones), return_exceptions=True)

    def _take(self) -> Connection:
        if self._closed:
            raise RedisConnectionError("the client is closed")
        connection = self._idle.pop() if self._idle else self._make()
        self._busy.add(connection)
        return connection

    def _give_back(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if not self._closed:
            self._idle.append(connection)

    async def _talk(self, connection: Connection, commands: Sequence[Sequence[Any]]) -> list[Any]:
        packed = [pack_command(tuple(command)) for command in commands]
        refusal: ResponseError | None = None
        answers: list[Any] = []
        try:
            if not connection.is_connected or await _came_unasked(connection):
                await self._connect(connection)
            async with asyncio.timeout(self._timeout_seconds):
                await connection.send_packed_command(packed, check_health=False)
                for command in commands:
                    try:
                        answers.append(await self._reader.parse_response(connection, command[0]))
                    except ResponseError as error:
                        refusal = refusal or error
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, TimeoutError):
                raise RedisTimeoutError("no answer in time") from None
            raise
        if refusal is not None:
            raise refusal
        return answers

    async def _connect(self, connection: Connection) -> None:
        async with asyncio.timeout(self._timeout_seconds):
            await connection.disconnect(nowait=True)
            await connection.connect()  # type: ignore[no-untyped-call]


async def _came_unasked(connection: Connection) -> bool:
    """Whether there is something to read: its end, or of an answer that nobody waited for."""
    try:
        if hasattr(connection, "can_read"):
            return await connection.can_read()
        return bool(await connection.can_read_destructive())  # before redis-py 8
    except (RedisConnectionError, OSError):
        return True


class OneConnection:
    """One connection of a ``Node``, which makes it."""

    def __init__(self, node: Node, connection: Connection) -> None:
        self._node = node
        self._connection = connection

    async def execute_command(self, *args: Any) -> Any:
        """See ``Node.execute_command``."""
        (answer,) = await self._node._talk(self._connection, (args,))  # noqa: SLF001 - a part of it
        return answer
