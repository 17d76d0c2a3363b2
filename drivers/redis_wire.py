"""One open connection to a Redis server: commands out, answers in, as an asyncio protocol."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import hiredis
from redis.asyncio.connection import DefaultParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as RedisTimeoutError

_NOT_YET: Final = object()


class Wire(asyncio.Protocol):
    """Takes a connection over from whoever opened it, who hears of its end.

    Args:
        transport: Connected, logged in, with no answer on its way.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._opener = transport.get_protocol()
        self._parser = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=DefaultParser.parse_error,
            notEnoughData=_NOT_YET,
        )
        self._waiting: asyncio.Future[list[Any]] | None = None
        self._wanted = 0
        self._answers: list[Any] = []
        transport.set_protocol(self)

    @property
    def is_usable(self) -> bool:
        """Whether it is open and nothing came that nobody asked for."""
        return not self._transport.is_closing()

    async def exchange(self, packed: bytes, count: int, timeout_seconds: float) -> list[Any]:
        """Send commands and return their answers; a refusal is an answer, as an exception.

        Args:
            packed: The commands.
            count: How many they are.
            timeout_seconds: For all of it.

        Raises:
            RedisTimeoutError: no answer in time.
            RedisConnectionError: the connection ended.
            InvalidResponse: what came is no answer.
            Whatever it raises, cancellation included, the connection is closed.
        """
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        self._waiting, self._wanted, self._answers = waiting, count, []
        timer = loop.call_later(timeout_seconds, self._fail, RedisTimeoutError("no answer in time"))
        try:
            self._transport.write(packed)
            return cast("list[Any]", await waiting)
        finally:
            timer.cancel()
            self._waiting = None
            if len(self._answers) < count:
                self._transport.abort()  # what comes now belongs to nobody

    def data_received(self, data: bytes) -> None:
        """Read answers; wake who waits when all are there."""
        try:
            self._parser.feed(data)
            while (answer := self._parser.gets()) is not _NOT_YET:
                self._answers.append(answer)
        except InvalidResponse as error:
            self._fail(error)
            return
        waiting = self._waiting
        if waiting is None or len(self._answers) > self._wanted:
            self._transport.abort()
        elif len(self._answers) == self._wanted and not waiting.done():
            waiting.set_result(self._answers)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail who waits."""
        lost = RedisConnectionError("Connection closed by server.")
        lost.__cause__ = error
        self._fail(lost)
        self._opener.connection_lost(error)

    def _fail(self, error: Exception) -> None:
        self._transport.abort()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
