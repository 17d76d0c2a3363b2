"""``sockq dead replay`` and ``drop``: counted first, asked for, done in steps that can be stopped.

Each step is one atomic step of the backend: a letter is a dead letter still, or it is done. What
was done is gone from the store, so the same command again goes on where this one ended.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from sockq.drivers.source import Source
from sockq.supervisor.dead_letter import Letter
from sockq.supervisor.dead_look import MISSING, told_missing, width_of_terminal
from sockq.supervisor.dead_pace import Pace
from sockq.supervisor.dead_progress import Progress, show_progress
from sockq.supervisor.dead_run import run_on_store
from sockq.supervisor.dead_select import Selection
from sockq.supervisor.dead_store import Counts, DeadStore
from sockq.supervisor.dead_text import count_lines, plural
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.output import note, say
from sockq.workers import exits

Verb = Literal["replay", "drop"]
_DONE: Final = {"replay": "replayed", "drop": "dropped"}
_NO_TERMINAL: Final = (
    "this is no terminal, so nobody can be asked: add --yes, or --dry-run to look first"
)


@dataclass(frozen=True, slots=True)
class Work:
    """What is wanted.

    Attributes:
        verb: What to do with the letters.
        selection: Which ones.
        source: In the name of their queue; empty: any.
        pace: How fast.
        yes: Do not ask.
        dry_run: Only count.
    """

    verb: Verb
    selection: Selection
    source: str = ""
    pace: Pace = field(default_factory=Pace)
    yes: bool = False
    dry_run: bool = False


def work_through(settings: FleetSettings, work: Work) -> int:
    """Count, ask, do. Returns the exit code."""
    if not (work.yes or work.dry_run or _can_ask()):
        note(_NO_TERMINAL)
        return exits.USAGE
    found = Counts()

    async def count(store: DeadStore) -> int:
        nonlocal found
        found = await store.count()
        return exits.OK

    code = run_on_store(settings, work.selection, work.source, count)
    if code != exits.OK:
        return code
    if not found.total:
        note("no dead letter matches; sockq dead ls shows what there is")
        return MISSING
    for line in count_lines(found, width_of_terminal()):
        say(line)
    missing = told_missing(work.selection, found)
    if work.dry_run:
        say(f"nothing was {_DONE[work.verb]}: this was a --dry-run")
        return missing
    if not work.yes and not _agreed(f"{work.verb} {plural(found.total)}?"):
        note(f"nothing was {_DONE[work.verb]}")
        return missing
    return max(missing, _do(settings, work, found))


def _do(settings: FleetSettings, work: Work, found: Counts) -> int:
    run = _Run(work, found)
    code = exits.OK
    try:
        code = run_on_store(settings, work.selection, work.source, run.through)
    finally:
        run.tell()
    return code


class _Run:
    """One way through the letters that were counted.

    Args:
        work: What is wanted.
        found: The letters that there were: what dies later, a replayed one again perhaps, is left.
    """

    def __init__(self, work: Work, found: Counts) -> None:
        self._work = work
        self._found = found
        self._done = 0
        self._refused = 0
        self._started = 0.0
        self._stopped = asyncio.Event()
        self._signal = 0

    async def through(self, store: DeadStore) -> int:
        """Do it. Returns the exit code."""
        self._started = time.monotonic()
        with (
            self._until_signalled(),
            show_progress(_DONE[self._work.verb], self._found.total) as progress,
        ):
            for source in store.sources:
                if self._found.sources[source.name] and not self._stopped.is_set():
                    await self._through_one(store, source, progress)
        if self._signal:
            return exits.SIGNALLED + self._signal
        return exits.OK if self._done >= self._found.total else MISSING

    async def _through_one(self, store: DeadStore, source: Source, progress: Progress) -> None:
        latest_ms = self._found.latest_ms[source.name]
        left = self._found.sources[source.name]
        async for letters in store.pages(source):
            meant = [one for one in letters if one.stored.died_at_ms <= latest_ms][:left]
            left -= len(meant)
            for first in range(0, len(meant), self._work.pace.step):
                step = meant[first : first + self._work.pace.step]
                done = sum(await self._step(store, source, step))
                self._done += done
                self._refused += len(step) - done
                progress(self._done + self._refused)
                await self._pause()
                if self._stopped.is_set():
                    return
            if not left:
                return

    async def _step(
        self, store: DeadStore, source: Source, letters: Sequence[Letter]
    ) -> list[bool]:
        ids = [letter.stored.id for letter in letters]
        if self._work.verb == "drop":
            return await source.drop(ids)
        return await source.replay(ids, await store.whole(letters))

    async def _pause(self) -> None:
        elapsed_seconds = time.monotonic() - self._started
        pause_seconds = self._work.pace.pause_seconds(self._done + self._refused, elapsed_seconds)
        try:
            async with asyncio.timeout(pause_seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    @contextmanager
    def _until_signalled(self) -> Iterator[None]:
        """INT and TERM end it after the step under way; a second one ends it at once."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)

        def stop(number: signal.Signals) -> None:
            self._signal = number
            self._stopped.set()
            for one in numbers:
                loop.remove_signal_handler(one)

        for number in numbers:
            loop.add_signal_handler(number, stop, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def tell(self) -> None:
        """Say what came of it."""
        done = f"{_DONE[self._work.verb]} {plural(self._done)}"
        left = self._found.total - self._done - self._refused
        if self._refused:
            note(self._why_refused())
        if left <= 0:
            say(done)
            return
        say(f"{done} of {self._found.total:,}; the rest stays: the same command again goes on")

    def _why_refused(self) -> str:
        count = f"{self._refused:,} could not be {_DONE[self._work.verb]}: gone in the meantime"
        if self._work.verb == "drop":
            return count
        return f"{count}, or nothing that can be delivered (sockq dead drop removes these)"


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _agreed(question: str) -> bool:
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
