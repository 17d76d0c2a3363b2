"""Clients that block, in a few threads of their own, their results as futures of the loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from sockq.workers.threads import Threads

T = TypeVar("T")


class BlockingPool:
    """A small pool of threads for calls with results.

    Args:
        limit: At most this many threads; more work waits for one.
        name: For the threads.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._threads = Threads(limit, name)

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do ``work`` in a thread. Cancelling the future leaves out work that has not begun."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._threads.do(partial(self._work, loop, future, work))
        return future

    def close(self) -> None:
        """Let the threads end; those at work end after it. Does not wait."""
        self._threads.close()

    def _work(
        self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], work: Callable[[], T]
    ) -> None:
        if future.cancelled() or self._threads.closed:
            return
        try:
            given = partial(_set_result, future, work())
        except BaseException as error:
            given = partial(_set_error, future, error)
        with contextlib.suppress(RuntimeError):  # the loop is gone, and nobody waits
            loop.call_soon_threadsafe(given)


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _set_error(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
