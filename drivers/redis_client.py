"""A client of one Redis backend whose every failure is one of ours.

Every source on Redis talks through ``RedisClient``. Only ``connect`` knows that there is a single
server: another topology builds the same object from its own two executors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import Connection
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from sockq.drivers.errors import BackendUnavailable, SockqError
from sockq.drivers.redis_address import Address, connection_options, read_url
from sockq.drivers.redis_errors import translate
from sockq.drivers.redis_node import Node
from sockq.drivers.settings import RedisSettings

#: The longest time a command given to ``blocking`` may block at the server.
LONGEST_BLOCK_SECONDS: Final = 5.0


class Executor(Protocol):
    """Sends commands somewhere."""

    async def execute_command(self, *args: Any) -> Any:
        """Send a command, return its answer."""

    async def aclose(self) -> None:
        """Close every connection."""


class NodeClient(Executor, Protocol):
    """Sends commands to one server."""

    def client(self) -> Any:
        """Return a context: the same server over one connection."""


class RedisClient:
    """Commands to one backend.

    Attributes:
        where: ``host:port``, for humans; never with credentials.

    Args:
        commands: For commands that answer at once; bounded by the response timeout.
        blocking: For commands that block at the server up to ``LONGEST_BLOCK_SECONDS``: they have
            connections of their own, to hold nothing up, and a bound above their block time.
        where: See above.
    """

    def __init__(self, commands: Executor, blocking: Executor, where: str) -> None:
        self.where = where
        self._commands = commands
        self._blocking = blocking
        self._closed = False

    async def command(self, *args: Any) -> Any:
        """Run one command and return its answer, bytes undecoded.

        Raises:
            BackendUnavailable: no answer, or the server is in a state that passes.
            BackendRefused: any other error; trying again cannot help.
            NoScriptError: only for ``EVALSHA``; see ``LuaScripts``.
        """
        return await self._run(self._commands.execute_command(*args))

    async def blocking(self, *args: Any) -> Any:
        """As ``command`` for one that blocks at the server."""
        return await self._run(self._blocking.execute_command(*args))

    async def blocking_then(self, first: Sequence[Any], then: Sequence[Any]) -> list[Any]:
        """As ``blocking`` for ``first``, and the answer of a second command run after it.

        Both go in one turn where the server is known, which saves half of the cost.
        """
        if isinstance(self._blocking, Node):
            answers: list[Any] = await self._run(self._blocking.execute_commands(first, then))
            return answers
        return [await self.blocking(*first), await self.command(*then)]

    async def _run(self, command: Coroutine[Any, Any, Any]) -> Any:
        # Before Python 3.12 wait_for, around each of redis-py's sends, drops a cancellation that
        # comes as the send ends; the task still counts it.
        task = asyncio.current_task()
        cancellations = task.cancelling() if task is not None else 0
        try:
            return await self._try(command)
        finally:
            if task is not None and task.cancelling() > cancellations:
                raise asyncio.CancelledError

    async def _try(self, command: Coroutine[Any, Any, Any]) -> Any:
        if self._closed:
            command.close()
            raise self._gone()
        try:
            return await command
        except NoScriptError:
            raise
        except (RedisError, RedisClusterException, OSError, EOFError, ValueError) as error:
            # Closing fails the commands under way in many ways; they all mean the same.
            raise (self._gone() if self._closed else translate(error, self.where)) from None
        except AttributeError:  # redis-py's parser is None once another task closed the connection
            if self._closed:
                raise self._gone() from None
            raise

    async def ping(self) -> None:
        """Return when the server answers. Raises as ``command``."""
        await self.command("PING")

    async def close(self) -> None:
        """Close every connection; commands under way raise ``BackendUnavailable``. Never raises."""
        self._closed = True
        for executor in (self._commands, self._blocking):
            try:
                await executor.aclose()
            except (RedisError, OSError):  # closing what is broken already
                continue

    def _gone(self) -> SockqError:
        return BackendUnavailable(f"the connection to Redis at {self.where} is closed")


def connect(settings: RedisSettings) -> RedisClient:
    """Return a client for one server; it connects with its first command (see ``ping``).

    Raises:
        BackendRefused: the URL or a TLS file cannot be used.
    """
    address, access = read_url(settings.url)
    connection, options = connection_options(access, settings.tls, settings.connect_timeout_seconds)
    timeout = settings.response_timeout_seconds
    return RedisClient(
        single_server(connection, options, address, timeout),
        single_server(connection, options, address, timeout + LONGEST_BLOCK_SECONDS),
        str(address),
    )


def single_server(
    connection: type[Connection], options: dict[str, Any], address: Address, timeout_seconds: float
) -> NodeClient:
    """Return a client of one server; ``timeout_seconds`` is how long it waits for an answer."""

    def make() -> Connection:
        return connection(host=address.host, port=address.port, socket_timeout=None, **options)

    return Node(make, timeout_seconds)
