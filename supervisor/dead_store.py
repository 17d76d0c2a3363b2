"""The dead letters of all queues of a configuration, page by page, those that are meant."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError
from sockq.drivers.registry import make_driver
from sockq.drivers.source import Source
from sockq.supervisor.dead_letter import Letter, read_letter
from sockq.supervisor.dead_select import Selection
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.output import note
from sockq.workers.app_directory import AppDirectory, UnusableApp
from sockq.workers.app_opening import make_directory
from sockq.workers.apps import App
from sockq.workers.job_secret import with_secret

#: Letters that are in memory at once.
PAGE: Final = 500


class NoSuchSource(SockqError):  # noqa: N818 - a verdict about what was asked for
    """No queue is called so; the text lists those there are."""


class AppsAway(SockqError):  # noqa: N818 - as above
    """The endpoints of an app are asked for, and its store cannot be asked; the text says so."""


@dataclass(slots=True)
class Counts:
    """What a first look over the letters has found.

    Attributes:
        kinds: By class of the reason.
        apps: By app; ``""``: the job cannot be read.
        sources: By queue.
        latest_ms: By queue, when the last of them died. What dies later came after the look.
        ids: Of those asked for by id, which are there.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    apps: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    latest_ms: dict[str, int] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """All of them."""
        return self.sources.total()

    def add(self, letter: Letter, asked: frozenset[str]) -> None:
        """Count one more."""
        self.kinds[letter.kind] += 1
        self.apps[letter.app_id] += 1
        self.sources[letter.source] += 1
        died_at_ms = letter.stored.died_at_ms
        self.latest_ms[letter.source] = max(self.latest_ms.get(letter.source, 0), died_at_ms)
        if letter.stored.id in asked:
            self.ids.add(letter.stored.id)


class DeadStore:
    """Open queues and apps.

    Args:
        sources: Where to look.
        apps: Whose endpoints are known.
        selection: Which letters are meant.
    """

    def __init__(self, sources: Sequence[Source], apps: AppDirectory, selection: Selection) -> None:
        self.sources = sources
        self._apps = apps
        self._selection = selection
        self._now_ms = time.time_ns() // 1_000_000
        self._faulty_apps: set[str] = set()
        self._apps_are_away = False

    @property
    def everything(self) -> bool:
        """Whether every dead letter is meant."""
        return self._selection.everything

    async def pages(self, source: Source) -> AsyncIterator[list[Letter]]:
        """Yield the letters of a queue that are meant, oldest first; some pages may be empty."""
        cursor: str | None = None
        while True:
            page = await source.dead_letters(cursor, PAGE)
            if page.unseen and cursor is None:
                note(
                    f"warning: {source.name}: left out, for another process holds them:"
                    f" dead letters: {page.unseen:,}; try again in a minute"
                )
            letters = [read_letter(source.name, source.dialect, one) for one in page.letters]
            yield [letter for letter in letters if await self._meant(letter)]
            cursor = page.cursor
            if cursor is None:
                return

    async def count(self) -> Counts:
        """Look over all of them."""
        counts = Counts()
        for source in self.sources:
            async for letters in self.pages(source):
                for letter in letters:
                    counts.add(letter, self._selection.ids)
        return counts

    async def app_of(self, letter: Letter) -> App | None:
        """The letter's app, if it is known. A faulty record is told once, and is none.

        Raises:
            BackendUnavailable: The app store cannot be asked.
        """
        if self._apps_are_away or not letter.app_id or letter.app_id in self._faulty_apps:
            return None
        try:
            return await self._apps.find(letter.app_id, letter.app_key)
        except UnusableApp as error:
            self._faulty_apps.add(letter.app_id)
            note(f"warning: app {letter.app_id}: {error}")
            return None

    async def whole(self, letters: Sequence[Letter]) -> dict[str, bytes]:
        """Payloads with the secrets that were taken out of the letters, by id, where known.

        A letter whose app cannot be asked for now goes without: then the record's secret of the
        time of its delivery counts, and only a server's own worker could not read it.
        """
        found: dict[str, bytes] = {}
        for letter in letters:
            if letter.job is None or letter.job.app_secret is not None:
                continue
            try:
                app = await self.app_of(letter)
            except BackendUnavailable as error:
                self.without_apps(error)
                break
            payload = app and with_secret(letter.stored.payload, letter.job, app)
            if payload:
                found[letter.stored.id] = payload
        return found

    def without_apps(self, error: SockqError) -> None:
        """Go on without asking the app store, which is away; says so, once."""
        self._apps_are_away = True
        note(f"warning: going on without the apps of the store: {error}")

    async def _meant(self, letter: Letter) -> bool:
        selection = self._selection
        if not selection.matches(letter, self._now_ms):
            return False
        if not selection.endpoint:
            return True
        try:
            app = await self.app_of(letter)
        except BackendUnavailable as error:
            raise AppsAway(
                f"--endpoint needs the apps of the store: {error}; try again when it answers,"
                " or name the letters by --app, --reason or id"
            ) from None
        return selection.matches_endpoint(letter, app)


@asynccontextmanager
async def open_store(
    settings: FleetSettings, selection: Selection, source: str = ""
) -> AsyncIterator[DeadStore]:
    """Connect, and close in the end.

    Args:
        settings: Of the fleet.
        selection: Which letters are meant.
        source: In the name of the queues that are looked at; empty: all.

    Raises:
        NoSuchSource: No queue has that in its name.
        BackendUnavailable: The queue cannot be reached.
        BackendRefused: It says no, or there is none.
    """
    driver = make_driver(settings.driver)
    apps = make_directory(settings.worker, lambda warning: note(f"warning: {warning}"))
    try:
        await driver.open()
        if not driver.sources:
            raise BackendRefused("queue.driver none has no queue; choose memory, redis or sqs")
        sources = [one for one in driver.sources if source in one.name]
        if not sources:
            names = ", ".join(one.name for one in driver.sources)
            raise NoSuchSource(f'no queue has "{source}" in its name; there is {names}')
        yield DeadStore(sources, apps, selection)
    finally:
        await apps.close()
        await driver.close()
