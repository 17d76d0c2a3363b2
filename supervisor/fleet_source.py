"""The hosts of a fleet for the live screen: a thread keeps asking the backend."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Final

from sockq.drivers.errors import SockqError
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.supervisor.fleet_view import Host, ask
from sockq.supervisor.screen_picture import Reading
from sockq.supervisor.status_document import absent_document
from sockq.supervisor.status_words import Condition

_EVERY_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 2.0
_FIRST_SECONDS: Final = 4.0
#: A document that is newer than this counts as fresh, however long its heartbeat took.
_FRESH_SECONDS: Final = 15.0


class FleetSource:
    """Gives the documents of all hosts (see ``status_sources.Source``).

    Args:
        settings: Of the queue's driver.
    """

    def __init__(self, settings: DriverSettings) -> None:
        self._settings = settings
        self._hosts: list[Host] = []
        self._asked_at = time.monotonic()
        self._error = ""
        self._shown: dict[str, object] = {}
        self._first = threading.Event()
        self._over = threading.Event()
        threading.Thread(target=self._ask_for_ever, daemon=True).start()
        self._first.wait(_FIRST_SECONDS)

    def read(self) -> list[Reading]:
        """The newest that each host left."""
        hosts, error, since = self._hosts, self._error, time.monotonic() - self._asked_at
        if not hosts:
            text = error or "no host of the fleet reports"
            state = Condition.UNKNOWN if error else Condition.DOWN
            return [Reading("fleet", absent_document(Path(), state, text), error=error)]
        return [self._reading(one, since, error) for one in hosts]

    def close(self) -> None:
        """Let the thread end."""
        self._over.set()

    def _reading(self, host: Host, since: float, error: str) -> Reading:
        name, age = str(host["name"]), float(host["age_seconds"]) + since
        is_new = self._shown.get(name) != host.get("at") and age < _FRESH_SECONDS
        self._shown[name] = host.get("at")
        # An age of 0 says that the document is new.
        return Reading(name, host, 0.0 if is_new and not error else age, error)

    def _ask_for_ever(self) -> None:
        while not self._over.is_set():
            try:
                asyncio.run(self._ask())
            except SockqError as error:
                self._error = str(error)
                self._first.set()
                self._over.wait(_RETRY_SECONDS)

    async def _ask(self) -> None:
        driver = make_driver(self._settings)
        try:
            await driver.open()
            while not self._over.is_set():
                self._hosts, self._asked_at, self._error = await ask(driver), time.monotonic(), ""
                self._first.set()
                await asyncio.sleep(_EVERY_SECONDS)
        finally:
            await driver.close()
