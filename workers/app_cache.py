"""The apps of a store, remembered: for a bounded time, up to a bounded number.

An app's life here, by the age of what the store said:

    at hand      up to ``age_seconds``: ``peek`` finds it
    stale        up to twice that: still used, while it is asked for again
    old          the look-up waits for the store
    last resort  while the store is away, ``STALE_SECONDS`` more; then its jobs wait for the store

The file's apps come first and are never asked for: a server writes them into its store when it
starts, so both say the same, only later. That an app is unknown is believed for a second only: a
server may be about to register it, and its jobs' grace is a few seconds.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.workers.app_directory import AppDirectory, UnusableApp
from sockq.workers.app_store import ANSWER_SECONDS, CONNECT_SECONDS, CONNECTIONS, AppStore
from sockq.workers.apps import App, AppReading
from sockq.workers.blocking import BlockingPool
from sockq.workers.outage import wait_seconds
from sockq.workers.settings import CacheSettings

UNKNOWN_SECONDS: Final = 1.0
"""How long an answer of "no such app" is believed."""

FAULTY_SECONDS: Final = 5.0
"""How long a record that cannot be used is not read again."""

STALE_SECONDS: Final = 600.0
"""How much longer an app is used when the store cannot be asked."""

AGAIN_SECONDS: Final = 1.0
"""For this long an app that is stale is at hand again while the store is asked, or away."""

LOOK_UP_SECONDS: Final = CONNECT_SECONDS + 2 * ANSWER_SECONDS
"""Bound of one look-up, a second try on a new connection included."""

ReadRecord = Callable[[Mapping[str, object]], AppReading]


@dataclass(slots=True)
class _Entry:
    """What the store said about one name, and when. ``at_hand_until`` 0: not at hand."""

    app: App | None
    fault: str
    warnings: list[str]
    lifetime: float
    read_at: float
    at_hand_until: float = 0.0


class CachedApps(AppDirectory):
    """Apps of a file and of a store. Everything but the store's verbs runs in the loop.

    Args:
        files: The configuration's apps.
        store: The store.
        read_record: Reads a row: app, faults, warnings.
        settings: Bounds.
        by_key: Apps are looked up by the job's key, as soketi does, not by its id.
        warn: Called with each warning about a record, once as long as it stays the same.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        files: Iterable[App],
        store: AppStore,
        read_record: ReadRecord,
        settings: CacheSettings,
        *,
        by_key: bool = False,
        warn: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = {app.key if by_key else app.id: app for app in files}
        self._at_hand = dict(self._files)
        self._store = store
        self._read_record = read_record
        self._settings = settings
        self.by_key = by_key
        self._warn = warn
        self._clock = clock
        self._entries: dict[str, _Entry] = {}  # the one used longest ago first
        self._ends: list[tuple[float, str]] = []  # a heap: when names may leave ``_at_hand``
        self._asking: dict[str, asyncio.Task[_Entry]] = {}
        self._pool = BlockingPool(CONNECTIONS, "sockq-apps")
        self._failures = 0
        self._ask_again_at = 0.0
        self._probing: asyncio.Task[None] | None = None
        self.told = f"neither the configuration nor {store.label}"

    async def open(self) -> None:
        """See whether the store can be asked."""
        try:
            await self._in_time(self._pool.submit(self._store.check))
        except BackendUnavailable as error:
            self._failed(error)

    def peek(self, app_id: str, app_key: str = "") -> App | None:
        """What is at hand: younger than its age, ``tidy``'s half second aside."""
        return self._at_hand.get(app_key if self.by_key else app_id)

    async def find(self, app_id: str, app_key: str = "") -> App | None:
        """Ask the store, unless its last word is young enough; all who ask at once ask once."""
        name = app_key if self.by_key else app_id
        known = self._files.get(name)
        if known is not None:
            return known
        entry = self._entries.get(name)
        if entry is not None:
            self._entries[name] = self._entries.pop(name)  # used last
            age = self._clock() - entry.read_at
            if age < entry.lifetime:
                return _app_of(entry)
            if entry.app is not None and age < 2 * entry.lifetime:
                self._bring(name, entry, AGAIN_SECONDS)
                self._ask(name)
                return entry.app
        return _app_of(await asyncio.shield(self._ask(name)))

    def tidy(self) -> None:
        """Take what is too old from what is at hand; look whether an outage is over."""
        now = self._clock()
        if self.trouble is not None and now >= self._ask_again_at and self._probing is None:
            self._probing = asyncio.get_running_loop().create_task(self._probe())
        while self._ends and self._ends[0][0] <= now:
            _, name = heapq.heappop(self._ends)
            entry = self._entries.get(name)
            if entry is not None and 0.0 < entry.at_hand_until <= now:
                entry.at_hand_until = 0.0
                del self._at_hand[name]

    async def close(self) -> None:
        """End all look-ups."""
        asking: list[asyncio.Task[Any]] = [*self._asking.values()]
        asking += [] if self._probing is None else [self._probing]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        self._pool.close()
        self._store.close()

    def _ask(self, name: str) -> asyncio.Task[_Entry]:
        task = self._asking.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask_store(name))
            self._asking[name] = task
            task.add_done_callback(lambda done: self._asked(name, done))
        return task

    def _asked(self, name: str, task: asyncio.Task[_Entry]) -> None:
        del self._asking[name]
        if not task.cancelled():
            task.exception()  # perhaps nobody waits for it: the app was only stale

    async def _ask_store(self, name: str) -> _Entry:
        try:
            row = await self._row(name)
        except (BackendUnavailable, BackendRefused) as error:
            entry = self._entries.get(name)
            if entry is None or entry.app is None or self._too_old(entry):
                raise BackendUnavailable(str(error)) from None
            self._bring(name, entry, AGAIN_SECONDS)
            return entry
        entry = self._entry(row)
        self._keep(name, entry)
        return entry

    async def _row(self, name: str) -> Mapping[str, object] | None:
        if self.trouble is not None and self._clock() < self._ask_again_at:
            raise BackendUnavailable(str(self.trouble))
        try:
            row = await self._in_time(self._pool.submit(lambda: self._store.read(name)))
        except (BackendUnavailable, BackendRefused) as error:
            self._failed(error)
            raise
        self._answered()
        return row

    async def _in_time(
        self, answer: asyncio.Future[Mapping[str, object] | None] | asyncio.Future[None]
    ) -> Mapping[str, object] | None:
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await answer
        except TimeoutError:
            text = f"app store {self._store.label}: no answer in {LOOK_UP_SECONDS:g} s"
            raise BackendUnavailable(text) from None

    async def _probe(self) -> None:
        try:
            await self._in_time(self._pool.submit(self._store.check))
        except (BackendUnavailable, BackendRefused) as error:
            self._failed(error)
        else:
            self._answered()
        finally:
            self._probing = None

    def _answered(self) -> None:
        self.trouble = None
        self._failures = 0

    def _failed(self, error: BackendUnavailable | BackendRefused) -> None:
        self.trouble = error
        chance = random.random()  # noqa: S311 - jitter
        self._ask_again_at = self._clock() + wait_seconds(self._failures, chance)
        self._failures += 1

    def _too_old(self, entry: _Entry) -> bool:
        return self._clock() - entry.read_at >= entry.lifetime + STALE_SECONDS

    def _entry(self, row: Mapping[str, object] | None) -> _Entry:
        now = self._clock()
        if row is None:
            return _Entry(None, "", [], UNKNOWN_SECONDS, now)
        app, faults, warnings = self._read_record(row)
        if app is None:
            return _Entry(None, "; ".join(faults), warnings, FAULTY_SECONDS, now)
        return _Entry(app, "", warnings, self._settings.age_seconds, now)

    def _keep(self, name: str, entry: _Entry) -> None:
        before = self._entries.pop(name, None)
        for warning in entry.warnings:
            if before is None or warning not in before.warnings:
                self._warn(warning)
        self._entries[name] = entry
        if entry.app is not None:
            self._bring(name, entry, entry.lifetime)
        elif before is not None and before.at_hand_until:
            del self._at_hand[name]
        if len(self._entries) > self._settings.capacity:
            oldest = next(iter(self._entries))
            del self._entries[oldest]
            self._at_hand.pop(oldest, None)

    def _bring(self, name: str, entry: _Entry, seconds: float) -> None:
        assert entry.app is not None
        entry.at_hand_until = self._clock() + seconds
        self._at_hand[name] = entry.app
        heapq.heappush(self._ends, (entry.at_hand_until, name))


def _app_of(entry: _Entry) -> App | None:
    if entry.fault:
        raise UnusableApp(entry.fault)
    return entry.app
