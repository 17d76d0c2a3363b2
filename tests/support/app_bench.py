"""A cache of apps over a store, and a clock, that a test decides about."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from support.until import async_until

from sockq.workers.app_cache import CachedApps
from sockq.workers.app_store import AppStore
from sockq.workers.apps import App, AppReading
from sockq.workers.settings import CacheSettings

AGE = 60.0


class Table(AppStore):
    """A store whose rows, delays and outages a test decides."""

    label = "table of a test"

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, object]] = {}
        self.error: Exception | None = None
        self.go = threading.Event()
        self.go.set()
        self.asked: list[str] = []
        self.checked = 0
        self.closed = False

    def check(self) -> None:
        self.checked += 1
        if self.error is not None:
            raise self.error

    def read(self, name: str) -> Mapping[str, object] | None:
        self.asked.append(name)
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        return self.rows.get(name)

    def close(self) -> None:
        self.closed = True

    def put(self, name: str, secret: str = "s", **more: object) -> None:
        self.rows[name] = {"id": name, "secret": secret, **more}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def read_row(row: Mapping[str, object]) -> AppReading:
    if "fault" in row:
        return AppReading(None, [str(row["fault"]), "more"], [])
    warnings = [str(row["warning"])] if "warning" in row else []
    return AppReading(App(str(row["id"]), "k", str(row["secret"])), [], warnings)


class Bench:
    def __init__(self, *files: App, capacity: int = 100, by_key: bool = False) -> None:
        self.table = Table()
        self.clock = Clock()
        self.warnings: list[str] = []
        self.apps = CachedApps(
            files,
            self.table,
            read_row,
            CacheSettings(AGE, capacity),
            by_key=by_key,
            warn=self.warnings.append,
            clock=self.clock,
        )

    def pass_by(self, seconds: float) -> None:
        self.clock.now += seconds
        self.apps.tidy()

    def secret_at_hand(self, name: str = "a") -> str | None:
        app = self.apps.peek(name)
        return None if app is None else app.secret

    async def secret(self, name: str = "a") -> str | None:
        app = await self.apps.find(name)
        return None if app is None else app.secret

    async def settled(self) -> None:
        await async_until(lambda: not self.apps._asking and self.apps._probing is None)


@asynccontextmanager
async def bench(*files: App, capacity: int = 100, by_key: bool = False) -> AsyncIterator[Bench]:
    made = Bench(*files, capacity=capacity, by_key=by_key)
    try:
        yield made
    finally:
        made.table.go.set()
        await made.apps.close()
        assert made.table.closed
