"""``sockq dead ls`` and ``show``: what there is, changing nothing."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from typing import Any

import msgspec

from sockq.drivers.errors import BackendUnavailable
from sockq.supervisor.dead_letter import Letter, Target, targets
from sockq.supervisor.dead_run import run_on_store
from sockq.supervisor.dead_select import Selection
from sockq.supervisor.dead_store import Counts, DeadStore
from sockq.supervisor.dead_text import count_lines, document, letter_lines, plural, table
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.output import note, say
from sockq.workers import exits

#: Nothing matched, or not all that was asked for by id is there.
MISSING = 1


def list_letters(
    settings: FleetSettings,
    selection: Selection,
    source: str,
    *,
    limit: int | None,
    as_json: bool,
) -> int:
    """Print the counts and the newest letters, or with ``as_json`` each letter as a line.

    Args:
        settings: Of the fleet.
        selection: Which letters.
        source: In the name of the queue.
        limit: Most lines; None: 20, with ``as_json`` all.
        as_json: JSON lines, oldest first.

    Returns:
        Exit code: 1 when a filter was given and nothing matched.
    """
    if as_json:
        return run_on_store(settings, selection, source, lambda store: _json(store, limit))
    most = 20 if limit is None else limit
    return run_on_store(settings, selection, source, lambda store: _list(store, selection, most))


def show_letter(settings: FleetSettings, id_: str, source: str, *, as_json: bool) -> int:
    """Print all that is known of one letter. Returns the exit code: 1 when it is not there."""
    selection = Selection(ids=frozenset({id_}))
    return run_on_store(settings, selection, source, lambda store: _show(store, id_, as_json))


def width_of_terminal() -> int | None:
    """Cells of a line of stdout; None: it is no terminal, so a line is as long as it needs."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def now_ms() -> int:
    """Unix time."""
    return time.time_ns() // 1_000_000


async def _list(store: DeadStore, selection: Selection, most: int) -> int:
    counts = Counts()
    newest: list[Letter] = []
    for source in store.sources:
        last: deque[Letter] = deque(maxlen=most)
        async for letters in store.pages(source):
            for letter in letters:
                counts.add(letter, selection.ids)
            last.extend(letters)
        newest = sorted([*newest, *last], key=lambda one: one.stored.died_at_ms)[-most:]
    if not counts.total:
        say("no dead letters" if selection.everything else "no dead letter matches")
        return exits.OK if selection.everything else MISSING
    width = width_of_terminal()
    for line in count_lines(counts, width):
        say(line)
    say("")
    for line in table(newest[::-1], now_ms(), width):
        say(line)
    if counts.total > len(newest):
        note(f"these are the newest {len(newest)} of {plural(counts.total)}; --limit N shows more")
    return told_missing(selection, counts)


def told_missing(selection: Selection, counts: Counts) -> int:
    """Say which of the ids that were given are not there. Returns the exit code."""
    missing = sorted(selection.ids - counts.ids)
    for id_ in missing[:20]:
        note(f"no dead letter {id_} matches: it was replayed, dropped or trimmed, or never was one")
    if len(missing) > 20:  # noqa: PLR2004 - as above
        note(f"and {len(missing) - 20} more are not there")
    return MISSING if missing else exits.OK


async def _json(store: DeadStore, limit: int | None) -> int:
    shown = 0
    for source in store.sources:
        async for letters in store.pages(source):
            for letter in letters:
                if limit is not None and shown >= limit:
                    return exits.OK
                _say_json(document(letter, await _owed(store, letter), now_ms()))
                shown += 1
    return exits.OK if shown or store.everything else MISSING


async def _show(store: DeadStore, id_: str, as_json: bool) -> int:
    shown = 0
    for source in store.sources:
        async for letters in store.pages(source):
            for letter in letters:
                if shown and not as_json:
                    say("")
                owed = await _owed(store, letter)
                if as_json:
                    _say_json(document(letter, owed, now_ms()))
                else:
                    for line in letter_lines(letter, owed, now_ms()):
                        say(line)
                shown += 1
            if shown:
                break
    if not shown:
        note(
            f"there is no dead letter {id_}: it was replayed, dropped or trimmed, or never was one"
        )
    return exits.OK if shown else MISSING


async def _owed(store: DeadStore, letter: Letter) -> list[Target]:
    """Its targets, by name where the app can be asked for."""
    try:
        app = await store.app_of(letter)
    except BackendUnavailable as error:
        store.without_apps(error)
        app = None
    return targets(letter, app)


def _say_json(what: dict[str, Any]) -> None:
    say(msgspec.json.encode(what).decode())
