"""``sockq demo``: a real fleet on the memory queue, a stream of events, a receiver that checks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.job import NewJob
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import MemorySettings
from sockq.drivers.source import Driver
from sockq.supervisor.demo_fleet import DemoFleet
from sockq.supervisor.demo_story import story
from sockq.supervisor.demo_view import DemoView
from sockq.supervisor.job_events import EVENT_NAMES, make_job
from sockq.supervisor.output import note, say
from sockq.supervisor.pidlock import LockError, prepare_directory
from sockq.supervisor.receiver import Receiver
from sockq.supervisor.settings_directory import complaint_about_directory
from sockq.supervisor.settings_driver import BROKER_SOCKET
from sockq.supervisor.status_command import wants_screen
from sockq.workers import exits

_APP: Final = "demo"
_KEY: Final = "demo-key"
_READY_SECONDS: Final = 20.0
_LAST_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05
_LOG_NAME: Final = "demo.log"


def run_demo(
    workers: int,
    rate: float,
    seconds: float | None,
    directory: Path | None,
    *,
    with_status: bool = False,
) -> int:
    """Show everything until interrupted, or for some seconds.

    Args:
        workers: Worker processes.
        rate: Events a second.
        seconds: When to stop by itself; None: never.
        directory: Of the fleet; None: a temporary one, removed at the end.
        with_status: Behind the live screen, if there can be one.

    Returns:
        0 when all that was sent arrived genuine; 1 when something is missing; the fleet's own
        code when it could not run.
    """
    temporary = directory is None
    place = Path(tempfile.mkdtemp(prefix="sockq-demo-")) if directory is None else directory
    place = place.expanduser().absolute()
    try:
        if complaint := complaint_about_directory(place):
            note(f"{place}: {complaint}; choose another --dir")
            return exits.USAGE
        prepare_directory(place)
        if with_status and wants_screen(os.environ):
            return _behind_screen(place)
        if with_status:
            note("there is no terminal for --status; running without it")
        return asyncio.run(_Demo(place, rate).run(workers, seconds))
    except LockError as error:
        note(str(error))
        return exits.LOCKED
    finally:
        if temporary:
            shutil.rmtree(place, ignore_errors=True)


def _behind_screen(place: Path) -> int:
    """This command again, in a process of its own that prints its lines into a file."""
    from sockq.supervisor.run_screen import show_behind  # noqa: PLC0415 - brings rich

    log_path = place / _LOG_NAME
    code, _ = show_behind(place, log_path)
    if log_path.exists():
        for line in log_path.read_text(errors="replace").splitlines()[-1:]:
            say(line)
    return code


class _Demo:
    """One run of the demo."""

    def __init__(self, directory: Path, rate: float) -> None:
        self._directory = directory
        self._rate = rate
        self._secret = secrets.token_hex(16)
        self._stop = asyncio.Event()
        self._view = DemoView(self._stop)

    async def run(self, workers: int, seconds: float | None) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        async with Receiver({_KEY: self._secret}, heard=self._view.heard, keep=0) as receiver:
            config = self._directory / "demo.json"
            config.write_text(json.dumps(self._config(receiver.url, workers), indent=2))
            config.chmod(0o600)
            fleet = DemoFleet(config, self._directory)
            await fleet.start(os.environ)
            try:
                async with self._queue(fleet) as driver:
                    self._view.begin(workers, receiver.url, self._rate, self._directory)
                    await self._produce(driver, fleet, seconds)
                if fleet.exit_code is not None:
                    return self._failed(fleet, "")
            except BackendUnavailable as error:
                return self._failed(fleet, str(error))
            finally:
                await fleet.stop()
        return self._view.end()

    def _config(self, url: str, workers: int) -> dict[str, object]:
        webhook = {"url": f"{url}/webhooks", "event_types": list(EVENT_NAMES)}
        app = {
            "id": _APP,
            "key": _KEY,
            "secret": self._secret,
            "enabled": True,
            "policy": {"webhooks": [webhook]},
        }
        return {
            "queue": {"driver": "memory"},
            "app_manager": {"driver": "memory", "array": {"apps": [app]}},
            "sockq": {"workers": workers, "drain_seconds": 5},
        }

    @contextlib.asynccontextmanager
    async def _queue(self, fleet: DemoFleet) -> AsyncIterator[Driver]:
        """The fleet's queue, as soon as it is there. Raises ``BackendUnavailable``."""
        driver = make_driver(MemorySettings(self._directory / BROKER_SOCKET))
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                await driver.open()
                break
            except BackendUnavailable:
                late = time.monotonic() > deadline
                if late or self._over(fleet):
                    raise
                await asyncio.sleep(_POLL_SECONDS)
        try:
            yield driver
        finally:
            await driver.close()

    async def _produce(self, driver: Driver, fleet: DemoFleet, seconds: float | None) -> None:
        """Send events until told to stop, then wait a little for what is on its way."""
        events = story()
        begun = time.monotonic()
        end = math.inf if seconds is None else begun + seconds
        while not self._over(fleet) and time.monotonic() < end:
            now_ms = time.time_ns() // 1_000_000
            job = make_job(_APP, _KEY, self._secret, next(events), now_ms)
            try:
                await driver.sources[0].enqueue([NewJob(job)])
            except BackendUnavailable:  # the broker is being replaced, or the fleet has ended
                await asyncio.sleep(_POLL_SECONDS)
                continue
            self._view.sent += 1
            due = min(begun + self._view.sent / self._rate, end)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due - time.monotonic()):
                    await self._stop.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS if fleet.exit_code is None else 0):
                await self._view.all_here()

    def _over(self, fleet: DemoFleet) -> bool:
        return self._stop.is_set() or fleet.exit_code is not None

    def _failed(self, fleet: DemoFleet, error: str) -> int:
        if self._stop.is_set():
            return self._view.end()
        code = fleet.exit_code
        if code is None:
            note(f"the fleet did not come up: {error}")
        else:
            note(f"the fleet ended with {code}; its last lines:")
        for line in fleet.last_words():
            note(line.removeprefix("sockq: "))
        return code or exits.GAVE_UP
