"""The janitor: gives back what dead workers held, sweeps what has expired, samples the queue.

A process of its own with its own driver connection, because the parent never talks to a backend.
Its start is also the fleet's check of the backend. Once it was ready an outage is a state on the
board, never an end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError
from sockq.drivers.job_mark import Marks
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings, NoneSettings
from sockq.drivers.source import Driver, QueueStats
from sockq.supervisor import board_words as words
from sockq.supervisor.advice import with_advice
from sockq.supervisor.dead_trimming import Trimming
from sockq.supervisor.fleet import JanitorContext
from sockq.supervisor.heartbeat import Heart
from sockq.supervisor.queue_board import QueueBoard
from sockq.workers import exits
from sockq.workers.lifeline import Lifeline
from sockq.workers.logs import Event, Log

_SWEEP_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = (0.1, 5.0)
_BEAT_SECONDS: Final = 1.0
#: For reclaims that are pending when the janitor is told to end.
_LAST_SECONDS: Final = 3.0


def run_janitor(
    context: JanitorContext, make: Callable[[DriverSettings], Driver] = make_driver
) -> int:
    """Work until the channel ends; returns the exit code.

    A backend that is not there at the start, or refuses, is one line on stderr and 75 or 78.
    """
    return asyncio.run(_Janitor(context, make(context.driver)).run())


class _Janitor:
    def __init__(self, context: JanitorContext, driver: Driver) -> None:
        self._lifeline = Lifeline()
        self._channel = context.channel
        self._driver = driver
        self._settings = context.driver
        self._board = QueueBoard(context.board)
        self._log = Log("janitor")
        self._context = context
        self._owners: deque[str] = deque()
        self._blamed: dict[str, Marks] = {}
        self._given_back: Counter[str] = Counter()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._ending = asyncio.Event()
        self._heard = b""
        self._unsent = bytearray()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end)
        loop.add_reader(self._channel, self._hear)
        beating = loop.create_task(self._beat())
        try:
            code = await self._open()
            if code is None:
                await self._run_open()
                code = exits.OK
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            with contextlib.suppress(SockqError):
                await self._driver.close()
        return code

    async def _open(self) -> int | None:
        opening = asyncio.ensure_future(self._driver.open())
        ending = asyncio.ensure_future(self._ending.wait())
        await asyncio.wait({opening, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not opening.done():
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            return exits.OK
        try:
            opening.result()
        except BackendUnavailable as error:
            sys.stderr.write(f"sockq: {with_advice(error, self._settings)}\n")
            return exits.UNAVAILABLE
        except BackendRefused as error:
            sys.stderr.write(f"sockq: {error}\n")
            return exits.CONFIG
        self._board.up()
        self._say({"ready": True})
        return None

    async def _run_open(self) -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._reclaim_for_ever()), loop.create_task(self._sweep())]
        if not isinstance(self._settings, NoneSettings):
            trimming = Trimming(self._driver, self._settings.lease, self._board, self._log)
            tasks.append(loop.create_task(trimming.trim_for_ever()))
        heart = self._heart()
        if heart is not None:
            tasks.append(loop.create_task(heart.beat_for_ever()))
        ending = loop.create_task(self._ending.wait())
        await asyncio.wait({ending, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if self._ending.is_set() and not self._lifeline.cut:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._idle.wait()
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, BaseException) and not isinstance(ended, asyncio.CancelledError):
                raise ended
        if heart is not None:
            with contextlib.suppress(SockqError, TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS / 3):
                    await heart.leave()

    def _heart(self) -> Heart | None:
        given = self._context
        every = given.heartbeat_seconds
        return (
            Heart(self._driver, given.board, given.directory, every, self._log) if every else None
        )

    # Reclaiming -------------------------------------------------------------------------------

    async def _reclaim_for_ever(self) -> None:
        tries = 0
        while True:
            while not self._owners:
                self._idle.set()
                self._work.clear()
                await self._work.wait()
            owner = self._owners[0]
            try:
                jobs = await self._reclaim(owner)
            except SockqError as error:
                self._outage(error)
                # Nobody's turn is lost, and one owner that is refused does not stop the others.
                self._owners.rotate(-1)
                await asyncio.sleep(_pause_seconds(tries))
                tries += 1
                continue
            tries = 0
            with contextlib.suppress(ValueError):
                self._owners.remove(owner)
            self._blamed.pop(owner, None)
            self._board.add(words.QUEUE_RECLAIMED, jobs)
            self._say({"reclaimed": owner, "jobs": jobs})

    async def _reclaim(self, owner: str) -> int:
        failure: SockqError | None = None
        blamed = self._blamed.get(owner, frozenset())
        for source in self._driver.sources:
            try:
                while ended := await source.reclaim(owner, blamed=blamed):
                    self._given_back[owner] += ended
            except SockqError as error:  # on a cluster the others may stand on another node
                failure = failure or error
        if failure is not None:
            raise failure
        return self._given_back.pop(owner, 0)

    # Sweep and sample ---------------------------------------------------------------------------

    async def _sweep(self) -> None:
        tries = 0
        while True:
            try:
                stats = await self._look_after_all()
            except SockqError as error:
                self._outage(error)
                await asyncio.sleep(_pause_seconds(tries))
                tries += 1
                continue
            tries = 0
            down = self._board.up()
            if down:
                self._log.info(Event.BACKEND_UP, backend=self._driver.name, after_seconds=down)
            self._board.sample(stats)
            # Jitter: the janitors of a large fleet must not come to the backend together.
            await asyncio.sleep(_SWEEP_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    async def _look_after_all(self) -> dict[str, QueueStats]:
        """Sweep and count every source, also behind one that fails; raises the first error."""
        failure: SockqError | None = None
        stats: dict[str, QueueStats] = {}
        for source in self._driver.sources:
            try:
                self._board.add(words.QUEUE_SWEPT, await source.reclaim(None))
                stats[source.name] = await source.stats()
            except SockqError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return stats

    def _outage(self, error: SockqError) -> None:
        if self._board.down():
            self._log.error(Event.BACKEND_DOWN, backend=self._driver.name, error=str(error))

    # The channel ----------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            received = self._channel.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._lifeline.channel_ended()
            self._end()
            return
        *lines, self._heard = (self._heard + received).split(b"\n")
        for line in lines:
            said = json.loads(line)
            owner = said.get("reclaim")
            if owner and owner not in self._owners:
                if blamed := said.get("blamed"):
                    self._blamed[owner] = frozenset(blamed)
                self._owners.append(owner)
                self._idle.clear()
                self._work.set()

    def _say(self, what: dict[str, object]) -> None:
        """Answer now, or when the parent reads again (it may be stopped for a while)."""
        self._unsent += json.dumps(what).encode() + b"\n"
        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                del self._unsent[: self._channel.send(self._unsent)]
        except BlockingIOError:
            loop.add_writer(self._channel, self._say_rest)
        except OSError:
            self._unsent.clear()

    def _say_rest(self) -> None:
        try:
            del self._unsent[: self._channel.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()
        if not self._unsent:
            asyncio.get_running_loop().remove_writer(self._channel)

    def _end(self) -> None:
        self._lifeline.leave_if_cut()
        self._ending.set()

    async def _beat(self) -> None:
        while True:
            self._board.set(words.JANITOR_BEAT_NS, time.monotonic_ns())
            await asyncio.sleep(_BEAT_SECONDS)


def _pause_seconds(tries: int) -> float:
    first, cap = _RETRY_SECONDS
    return min(cap, first * 2.0**tries) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
