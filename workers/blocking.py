"""Clients that block, in a few threads of their own, their results as futures of the loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_IDLE_THREAD_SECONDS: Final = 30.0


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[], T]
    future: asyncio.Future[T]
    loop: asyncio.AbstractEventLoop


class BlockingPool:
    """A small pool of threads.

    Its threads are daemons: a name look-up that hangs must not hold up the end of the process. They
    start when needed and end when unused for 30 s.

    Args:
        limit: At most so many threads; more work waits for one.
        name: For the threads.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._threads = 0
        self._idle = 0
        self._closed = False

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do ``work`` in a thread. Cancelling the future leaves out work that has not begun."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            if self._idle <= self._jobs.qsize() and self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            self._jobs.put(_Job(work, future, loop))
        return future

    def close(self) -> None:
        """Let the threads end; those at work end after it. Does not wait."""
        self._closed = True
        with self._lock:
            for _ in range(self._threads):
                self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if job.future.cancelled() or self._closed:
                continue
            try:
                given = partial(_set_result, job.future, job.work())
            except BaseException as error:
                given = partial(_set_error, job.future, error)
            with contextlib.suppress(RuntimeError):  # the loop is gone, and nobody waits
                job.loop.call_soon_threadsafe(given)
            del job, given

    def _next(self) -> _Job[Any] | None:
        with self._lock:
            self._idle += 1
        job = None
        with contextlib.suppress(queue.Empty):
            job = self._jobs.get(timeout=_IDLE_THREAD_SECONDS)
        with self._lock:
            self._idle -= 1
            if job is None and not self._closed:  # something may have come in this moment
                with contextlib.suppress(queue.Empty):
                    job = self._jobs.get_nowait()
            if job is None:
                self._threads -= 1
            return job


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _set_error(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
