"""The body of a worker process: loop, signals, driver, worker, drain, exit code."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import struct
import time
from dataclasses import dataclass

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.drivers.source import Driver
from sockq.workers import board, exits
from sockq.workers.app_directory import AppDirectory
from sockq.workers.app_opening import make_directory
from sockq.workers.board import SlotWriter, WorkerState
from sockq.workers.channel_words import DRAIN, PAUSE, READY, RECYCLE, RESUME
from sockq.workers.deadman import DeadMan
from sockq.workers.deaths import Deaths
from sockq.workers.disabled import DisabledList
from sockq.workers.lifeline import DRAIN_SECONDS, Lifeline
from sockq.workers.outage import wait_seconds
from sockq.workers.resources import Usage
from sockq.workers.settings import WorkerSettings
from sockq.workers.worker import Worker
from sockq.workers.worker_log import WorkerLog

BEAT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What the parent hands to a worker at birth.

    Attributes:
        index: Number of the slot.
        owner: Name for leases: unique for this process.
        driver: Which backend, and how to reach it.
        settings: Limits, times, apps.
        slot: The worker's part of the board.
        channel: Non-blocking stream to the parent; its end means that the parent is gone.
        silence_seconds: Without a beat for this long the dead-man alarm rings (see ``deadman``).
        boot_silence_seconds: The same until it is ready.
        kill_with_parent: The kernel kills it when its parent dies; nothing is given back first.
        deaths: How workers died lately; None: nobody keeps that.
        disabled: The endpoints that the operator has disabled; None: nobody keeps that.
    """

    index: int
    owner: str
    driver: DriverSettings
    settings: WorkerSettings
    slot: SlotWriter
    channel: socket.socket
    silence_seconds: float = 30.0
    boot_silence_seconds: float = 120.0
    kill_with_parent: bool = False
    deaths: Deaths | None = None
    disabled: DisabledList | None = None


def run_worker(context: WorkerContext) -> int:
    """Work until told to stop; return the exit code (see ``exits``)."""
    # A claim makes some thousand objects at once and none of them in a cycle: the default, a
    # collection for each 700, would look through them several times a claim.
    gc.set_threshold(20_000, 20, 20)
    return asyncio.run(_Process(context).run())


class _Process:
    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._slot = context.slot
        self._log = WorkerLog(context.index, context.settings.log_success)
        self._stop = asyncio.Event()
        self._worker: Worker | None = None
        self._paused = False
        self._done_code = exits.OK
        self._lifeline = Lifeline()
        self._deadman = DeadMan()
        self._silence_seconds = context.boot_silence_seconds

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        self._deadman.beat(self._silence_seconds)
        loop.add_signal_handler(signal.SIGTERM, self._told_to_end)
        kill = self._context.kill_with_parent
        if not self._deadman.end_with(self._lifeline.parent, kill=kill):
            self._orphaned()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        loop.add_reader(self._context.channel, self._hear)
        beating = loop.create_task(self._beat())
        driver = make_driver(self._context.driver)
        apps = make_directory(self._context.settings, self._log.app_warning)
        try:
            code = await self._open(driver, apps)
            if code is None:
                code = await self._work(driver, apps)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            with contextlib.suppress(BackendUnavailable, BackendRefused):
                await driver.close()
            await apps.close()
        return code

    async def _open(self, driver: Driver, apps: AppDirectory) -> int | None:
        """Open the driver, waiting out an outage. None: opened. Else the exit code."""
        try:
            await apps.open()
        except BackendRefused as error:
            self._log.refused(error)
            return exits.CONFIG
        tries = 0
        while not self._stop.is_set():
            try:
                await driver.open()
            except BackendUnavailable as error:
                if tries == 0:
                    self._slot.set_state(WorkerState.DEGRADED)
                    self._slot.words[board.BACKEND_DOWN_SINCE_NS] = time.monotonic_ns()
                    self._slot.set_text(str(error))
                    self._log.backend_down(driver.name, error)
                    # Up and waiting is not a failed start: an outage must not look like a crash.
                    self._tell(READY)
                await self._pause(wait_seconds(tries, 0.5))
                tries += 1
            except BackendRefused as error:
                self._log.refused(error)
                return exits.CONFIG
            else:
                self._slot.words[board.BACKEND_DOWN_SINCE_NS] = 0
                self._slot.set_text("")
                if tries == 0:
                    self._tell(READY)
                return None
        if tries == 0:
            self._tell(READY)  # nor is one that was told to end meanwhile
        return exits.OK

    async def _work(self, driver: Driver, apps: AppDirectory) -> int:
        context = self._context
        worker = Worker(
            driver,
            context.settings,
            apps,
            context.owner,
            context.slot,
            self._log,
            context.deaths,
            context.disabled,
        )
        self._worker = worker
        self._silence_seconds = context.silence_seconds
        self._apply_pause()
        if self._lifeline.cut:
            worker.hurry(time.monotonic() + DRAIN_SECONDS)
        stopping = asyncio.get_running_loop().create_task(self._stop.wait())
        watching = asyncio.get_running_loop().create_task(worker.watch())
        await asyncio.wait({stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
        broken = watching.done() and not self._stop.is_set()
        error = watching.exception() if watching.done() else None
        stopping.cancel()
        watching.cancel()
        await asyncio.gather(stopping, watching, return_exceptions=True)
        clean = await worker.drain(time.monotonic() + context.settings.drain_seconds)
        if broken and error is not None:
            raise error
        return self._done_code if clean else exits.DRAIN_CUT

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _beat(self) -> None:
        usage = Usage(self._slot.words)
        while True:
            if self._worker is not None:
                self._worker.obey()
                self._worker.show()
                self._worker.show_endpoints()
            else:
                self._slot.beat()
            self._deadman.beat(self._silence_seconds)
            usage.show(time.monotonic())
            await asyncio.sleep(BEAT_SECONDS)

    def _told_to_end(self) -> None:
        self._stop.set()
        if self._lifeline.is_cut():
            self._orphaned()

    def _orphaned(self) -> None:
        """The parent is gone: nobody will restart or reap us, and its successor may be there."""
        if not self._lifeline.leave(self._deadman):
            return
        self._log.orphaned()
        if self._worker is not None:
            self._worker.hurry(time.monotonic() + DRAIN_SECONDS)
        self._stop.set()

    def _hear(self) -> None:
        try:
            words = self._context.channel.recv(64)
        except BlockingIOError:
            return
        except OSError:
            words = b""
        if not words:
            asyncio.get_running_loop().remove_reader(self._context.channel)
            self._orphaned()
            return
        for (word,) in struct.iter_unpack("c", words):
            if word in (DRAIN, RECYCLE):
                self._done_code = exits.RECYCLE if word == RECYCLE else exits.OK
                self._stop.set()
            elif word in (PAUSE, RESUME):
                self._paused = word == PAUSE
                self._apply_pause()

    def _apply_pause(self) -> None:
        if self._worker is None:
            return
        if self._paused:
            self._worker.pause()
        else:
            self._worker.resume()

    def _tell(self, word: bytes) -> None:
        with contextlib.suppress(OSError):
            self._context.channel.send(word)
