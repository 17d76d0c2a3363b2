"""Dead letters as lines and as JSON documents. Pure; nothing here shows a secret."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from sockq.supervisor.dead_letter import Letter, Target
from sockq.supervisor.dead_store import Counts
from sockq.supervisor.screen_text import cells, clean, clip, pad
from sockq.supervisor.secret_mask import masked
from sockq.supervisor.status_document import duration

_HEAD: Final = ("AGE", "ID", "APP", "EVENTS", "REASON")
_GAP: Final = 2
#: The reason gets at least this much, or the columns before it go.
_LEAST_REASON: Final = 24
_MOST: Final = {"APP": 20, "EVENTS": 28}
#: Lines of one count.
_COUNTED: Final = 8
#: How far clocks may be apart.
_CLOCKS_MS: Final = 60_000
_UNREADABLE: Final = "(not readable)"


def plural(count: int) -> str:
    """``1 dead letter``, ``1,284 dead letters``."""
    return "1 dead letter" if count == 1 else f"{count:,} dead letters"


def count_lines(counts: Counts, width: int | None) -> Iterator[str]:
    """How many there are: in all, by queue where there are several, by reason, by app.

    Args:
        counts: Of a look over all letters that are meant.
        width: Cells of the terminal; None: as long as it needs.
    """
    if len(counts.sources) == 1:
        (name,) = counts.sources
        yield _fitted(f"{plural(counts.total)} in {clean(name)}", width)
    else:
        yield plural(counts.total)
        yield from _counted("by queue", counts.sources, width)
    yield from _counted("by reason", counts.kinds, width)
    yield from _counted("by app", counts.apps, width)


def _counted(title: str, counter: Counter[str], width: int | None) -> Iterator[str]:
    shown = counter.most_common(_COUNTED)
    left = len(counter) - len(shown)
    if left:
        shown.append((f"in {left:,} more", counter.total() - sum(n for _, n in shown)))
    digits = max((len(f"{number:,}") for _, number in shown), default=1)
    for at, (name, number) in enumerate(shown):
        head = title if at == 0 else ""
        yield _fitted(f"{head:<10} {number:>{digits},}  {clean(name) or _UNREADABLE}", width)


def table(letters: Sequence[Letter], now_ms: int, width: int | None) -> list[str]:
    """A line for each letter below a head. Ids are never cut; what does not fit goes.

    Args:
        letters: In the order of the lines.
        now_ms: Unix time.
        width: Cells of the terminal; None: as long as it needs.
    """
    rows = [dict(zip(_HEAD, _row(letter, now_ms), strict=True)) for letter in letters]
    widths = {
        name: min(
            max([len(name), *(cells(row[name]) for row in rows)]),
            _MOST.get(name, 10_000) if width is not None else 10_000,
        )
        for name in _HEAD[:-1]
    }
    for name in ("EVENTS", "APP"):
        if width is not None and width - _used(widths) < _LEAST_REASON:
            del widths[name]
    return [
        _fitted(_line(row, widths), width) for row in (dict(zip(_HEAD, _HEAD, strict=True)), *rows)
    ]


def _used(widths: dict[str, int]) -> int:
    return sum(widths.values()) + _GAP * len(widths)


def _line(row: dict[str, str], widths: dict[str, int]) -> str:
    gap = " " * _GAP
    return gap.join([*(pad(row[name], width) for name, width in widths.items()), row["REASON"]])


def _row(letter: Letter, now_ms: int) -> tuple[str, ...]:
    stored = letter.stored
    return (
        duration(max(0.0, (now_ms - stored.died_at_ms) / 1000)),
        clean(stored.id),
        clean(letter.app_id) or "-",
        clean(", ".join(dict.fromkeys(letter.events))) or "-",
        clean(stored.reason),
    )


def _fitted(line: str, width: int | None) -> str:
    return (line if width is None else clip(line, width)).rstrip()


def document(letter: Letter, owed: Sequence[Target], now_ms: int) -> dict[str, Any]:
    """All that is known of a letter, for ``--json``; secrets are masked."""
    stored = letter.stored
    return {
        "id": stored.id,
        "queue": letter.source,
        "reason": stored.reason,
        "reason_class": letter.kind,
        "died_at_ms": stored.died_at_ms,
        "age_seconds": round(max(0.0, (now_ms - stored.died_at_ms) / 1000), 3),
        "app_id": letter.app_id or None,
        "app_key": letter.app_key or None,
        "events": [
            {"name": name, "channel": channel}
            for name, channel in zip(letter.events, letter.channels, strict=True)
        ],
        "time_ms": letter.time_ms or None,
        "attempts": stored.attempt,
        "crashes": stored.crashes,
        "targets": [
            {
                "id": target.id,
                "endpoint": target.label or None,
                "attempts": target.state.tries_told,
                "first_failure_ms": target.state.first_told_ms or None,
                "last_error": target.state.reason or None,
            }
            for target in owed
        ],
        "payload": masked(stored.payload),
    }


def letter_lines(letter: Letter, owed: Sequence[Target], now_ms: int) -> Iterator[str]:
    """All that is known of a letter, for eyes; secrets are masked."""
    stored = letter.stored
    yield f"id        {clean(stored.id)}"
    yield f"queue     {clean(letter.source)}"
    yield f"reason    {clean(stored.reason)}"
    yield f"died      {_when(stored.died_at_ms, now_ms)}"
    if letter.app_id:
        yield f"app       {clean(letter.app_id)} (key {clean(letter.app_key)})"
    if letter.time_ms:
        yield f"made      {_when(letter.time_ms, now_ms)}"
    for name, channel in zip(letter.events, letter.channels, strict=True):
        yield f"event     {clean(name)} {clean(channel)}".rstrip()
    yield f"attempts  {stored.attempt}"
    yield f"crashes   {stored.crashes}"
    if letter.state is None:
        yield f"targets   the state kept with it cannot be read ({len(stored.state)} bytes)"
    for target in owed:
        name = target.label or "a webhook that is not configured here"
        yield f"owed      {clean(name)} ({clean(target.id)})"
        yield from _target_lines(target, now_ms)
    yield "payload"
    yield from (f"  {line}" for line in _pretty(masked(stored.payload)))


def _target_lines(target: Target, now_ms: int) -> Iterator[str]:
    state = target.state
    if state.tries_told:
        yield f"          attempts {state.tries_told}"
    if state.first_told_ms:
        yield f"          first failure {_when(state.first_told_ms, now_ms)}"
    if state.reason:
        yield f"          last error: {clean(state.reason)}"


def _pretty(payload: object) -> list[str]:
    if isinstance(payload, str):
        return [clean(line) for line in payload.splitlines()]
    text = msgspec.json.format(msgspec.json.encode(payload), indent=2).decode()
    return [clean(line.rstrip()) if line.strip() else "" for line in text.splitlines()]


def _when(unix_ms: int, now_ms: int) -> str:
    """``2026-11-28T13:31:00Z, 2h11m ago``; a number that is no date is shown as it is."""
    try:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_ms / 1000))
    except (OverflowError, OSError, ValueError):
        return str(unix_ms)
    if unix_ms > now_ms + _CLOCKS_MS:
        return f"{stamp}, in the future"
    return f"{stamp}, {duration(max(0.0, (now_ms - unix_ms) / 1000))} ago"
