"""What stands in a backend, through a driver of one's own: dead letters, counts, jobs left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.drivers.source import Driver

T = TypeVar("T")

_PAGE: Final = 500
_TRIES_SECONDS: Final = 10.0
_CLAIM: Final = 100
STATES: Final = ("ready", "leased", "delayed", "dead")


@dataclass(frozen=True, slots=True)
class Left:
    """What a fleet left in its queue.

    Attributes:
        jobs: Each ready one and the number of its coming attempt, as often as it stands there.
        held: How many more are leased to somebody.
    """

    jobs: list[tuple[str, int]]
    held: int


class Inspection:
    """Looks at the queues of a fleet's configuration. Each call opens and closes a driver."""

    def __init__(self, settings: DriverSettings) -> None:
        self._settings = settings

    def counts(self) -> dict[str, int]:
        """Jobs by state, over all sources; unknown counts as 0."""
        return self._run(_counts)

    def dead(self) -> list[tuple[str, str]]:
        """Name and reason of every dead letter."""
        return self._run(_dead)

    def left(self) -> Left:
        """Claim every ready job; they stay leased."""
        return self._run(_left)

    def _run(self, look: Callable[[Driver], Awaitable[T]]) -> T:
        async def opened() -> T:
            until = time.monotonic() + _TRIES_SECONDS
            while True:
                try:
                    async with _open(self._settings) as driver:
                        return await look(driver)
                except BackendUnavailable:
                    if time.monotonic() > until:
                        raise
                    await asyncio.sleep(0.1)

        return asyncio.run(opened())


@asynccontextmanager
async def _open(settings: DriverSettings) -> AsyncIterator[Driver]:
    driver = make_driver(settings)
    try:
        await driver.open()
        yield driver
    finally:
        await driver.close()


async def _counts(driver: Driver) -> dict[str, int]:
    total = dict.fromkeys(STATES, 0)
    for source in driver.sources:
        stats = await source.stats()
        for state in STATES:
            total[state] += getattr(stats, state) or 0
    return total


async def _dead(driver: Driver) -> list[tuple[str, str]]:
    found = []
    for source in driver.sources:
        cursor = None
        while True:
            page = await source.dead_letters(cursor, _PAGE)
            found += [(name_of(letter.payload), letter.reason) for letter in page.letters]
            cursor = page.cursor
            if cursor is None:
                break
    return found


async def _left(driver: Driver) -> Left:
    found: list[tuple[str, int]] = []
    for source in driver.sources:
        while leases := await source.claim(_CLAIM, 0.0, "inspection:w:1"):
            found += [(name_of(lease.payload), lease.attempt) for lease in leases]
    counts = await _counts(driver)
    return Left(found, counts["leased"] - len(found))


def name_of(payload: bytes) -> str:
    """The name of a job: the channel of its first event; unreadable ones are their own name."""
    try:
        document: Any = msgspec.json.decode(payload)
        name: str = document["payload"]["events"][0]["channel"]
    except (msgspec.DecodeError, KeyError, TypeError, IndexError):
        return payload[:40].decode(errors="backslashreplace")
    return name
