"""A frame: picture and choices in, rows out; as many and as wide as the screen, always. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sockq.supervisor import screen_sections as sections
from sockq.supervisor.screen_detail import detail_rows, help_rows
from sockq.supervisor.screen_footer import footer
from sockq.supervisor.screen_picture import Picture
from sockq.supervisor.screen_rows import identity, rows_of
from sockq.supervisor.screen_table import heading, line, place
from sockq.supervisor.screen_text import Row, Span, fit, in_ascii, rule
from sockq.supervisor.screen_ui import VIEWS, Ui

SMALLEST: Final = (60, 15)
_WIDE, _TALL, _ROOMY = 110, 34, 20
_ADVICE: Final = [Span("  start one with sockq run, or name its directory with --dir", "dim")]
_TITLES: Final = {"dead": "dead letters", "log": "events"}


@dataclass(frozen=True, slots=True)
class Size:
    """Of the terminal, cells."""

    width: int
    height: int


def view(picture: Picture, ui: Ui, size: Size, now: float) -> list[list[Span]]:
    """Draw a frame.

    Args:
        picture: What there is.
        ui: What the user has chosen.
        size: Of the terminal.
        now: Monotonic seconds.

    Returns:
        ``size.height`` rows of exactly ``size.width`` cells.
    """
    if size.width < SMALLEST[0] or size.height < SMALLEST[1]:
        rows: list[Row] = [_notice(picture)]
    else:
        rows = [sections.head(picture, ui, size.width, now)]
        rows += sections.banner(picture, ui, size.width, 2 if size.height >= _ROOMY else 1)
        room = size.height - len(rows) - 1
        body = _body(picture, ui, size, room)[:room]
        rows += body + [[]] * (room - len(body))
        rows.append(footer(ui, size.width, now))
    shown = [fit(row, size.width, ui.glyphs.cut) for row in rows[: size.height]]
    shown += [fit([], size.width)] * (size.height - len(shown))
    return [in_ascii(row) for row in shown] if ui.glyphs.ascii else shown


def _notice(picture: Picture) -> Row:
    least = f"needs {SMALLEST[0]}x{SMALLEST[1]}"
    return [Span("sockq "), Span(picture.state, sections.state_style(picture.state)),
            Span(f" {least}", "dim")]  # fmt: skip


def _body(picture: Picture, ui: Ui, size: Size, room: int) -> list[Row]:
    if ui.help:
        return help_rows(ui)[ui.scroll :]
    if ui.detail:
        return detail_rows(picture, ui, size.width)[ui.scroll :]
    if not picture.there:
        return [[], *(_absent(str(one["text"])) for one in picture.problems), [], _ADVICE]
    if ui.view == 0:
        return _overview(picture, ui, size, room)
    above: list[Row] = []
    name = VIEWS[ui.view]
    if name in ("queues", "dead"):
        above = [
            sections.queue_line(picture, size.width),
            sections.waiting_curve(picture, ui, size.width),
            sections.clear_line(picture, size.width),
        ]
        if name == "dead":
            above = [
                sections.queue_line(picture, size.width),
                sections.dead_line(picture, size.width),
                sections.closer_line(picture, size.width),
            ]
    return [*above, *_table(picture, ui, name, size.width, room - len(above))]


def _absent(text: str) -> Row:
    return [Span("  "), Span(text)]


def _overview(picture: Picture, ui: Ui, size: Size, room: int) -> list[Row]:
    tall = size.width >= _WIDE and size.height >= _TALL
    rows = _queue_part(picture, ui, size.width, tall=tall)
    needs = {
        name: len(rows_of(picture, ui, name).items)
        for name in ("workers", "endpoints", "log")
        if name != "endpoints" or picture.endpoints is not None
    }
    for name, given in _share(needs, room - len(rows)).items():
        rows += _table(picture, ui, name, size.width, given)
    return rows


def _queue_part(picture: Picture, ui: Ui, width: int, *, tall: bool) -> list[Row]:
    refresh = f"{ui.interval_seconds:g} s"
    if not tall:
        return [
            rule("queue", refresh, width, ui.glyphs),
            sections.queue_line(picture, width),
            sections.rate_line(picture, ui, width),
            sections.latency_line(picture, width),
        ]
    return [
        rule("queue", f"refresh {refresh}", width, ui.glyphs),
        sections.queue_line(picture, width),
        sections.waiting_curve(picture, ui, width),
        sections.clear_line(picture, width),
        rule("delivery", "last minute", width, ui.glyphs),
        *sections.delivery(picture, ui, width),
    ]


#: Rows beside the items: rule and heading; the events have no heading.
_FRAME: Final = {"workers": 2, "endpoints": 2, "log": 1}
_LEAST: Final = {"workers": 3, "endpoints": 1, "log": 1}
_WEIGHT: Final = {"workers": 3, "endpoints": 2, "log": 1}


def _share(needs: dict[str, int], room: int) -> dict[str, int]:
    """Rows for each table, its frame included; what does not fit at all is left out, last first."""
    names = list(needs)
    while len(names) > 1 and sum(_FRAME[one] + _LEAST[one] for one in names) > room:
        names.pop()
    given = {one: _FRAME[one] + min(_LEAST[one], max(1, needs[one])) for one in names}
    left = room - sum(given.values())
    while left > 0:
        short = [one for one in names if given[one] < _FRAME[one] + needs[one]]
        if not short:
            break
        behind = min(short, key=lambda one: (given[one] - _FRAME[one]) / _WEIGHT[one])
        given[behind] += 1
        left -= 1
    return given


def _table(picture: Picture, ui: Ui, name: str, width: int, room: int) -> list[Row]:
    """A rule, a heading where there is one, and as many rows as there is room for."""
    bare = name == "log"
    space = room - (1 if bare else 2)
    table = rows_of(picture, ui, name, space)
    placed = place(table.columns, width, wide=ui.wide)
    title = f"{_TITLES.get(name, name)} {_extent(picture, ui, name, len(table.items), table.total)}"
    rows: list[Row] = [rule(title.rstrip(), _note(picture, ui, name), width, ui.glyphs)]
    if not bare:
        rows.append(heading(placed, width, ui.glyphs, ui.orders.get(name, "")))
    if not table.items:
        rows.append([Span(" none" if not table.total else " none matches the filter", "dim")])
        return rows
    chosen = ui.cursors.get(name) if name == ui.table else None
    at = next(
        (i for i, one in enumerate(table.items) if chosen and identity(name, one) == chosen), None
    )
    first, last = _window(len(table.items), space, at)
    for index in range(first, last):
        item = table.items[index]
        rows.append(line(placed, item, width, ui.glyphs, selected=index == at))
    hidden = [*table.items[:first], *table.items[last:]]
    if hidden and name != "log":
        rows.append([Span(f" {ui.glyphs.cut} {len(hidden)} more, {table.rest(hidden)}", "dim")])
    return rows


def _window(count: int, space: int, at: int | None) -> tuple[int, int]:
    """Which items are shown: from the first on, or so that the selected one is among them."""
    if count <= space:
        return 0, count
    shown = max(1, space - 1)
    first = 0 if at is None else min(max(0, at - shown // 2), count - shown)
    return first, first + shown


def _extent(picture: Picture, ui: Ui, name: str, shown: int, total: int) -> str:
    if name == "workers":
        text = f"{picture.serving}/{picture.wanted}" if picture.wanted is not None else str(total)
    elif name in ("log", "dead"):
        text = ""
    else:
        text = str(total)
    return f"{text} ({shown} shown)" if shown != total and (ui.filter or ui.faults_only) else text


def _note(picture: Picture, ui: Ui, name: str) -> str:
    parts = []
    if name == "workers":
        most = sum(one.get("in_flight_limit") or 0 for one in picture.workers)
        parts.append(f"in flight {picture.in_flight}" + (f"/{most}" if most else ""))
        parts.append(f"restarts {picture.totals.get('restarts', 0)}")
    if name == "endpoints" and not ui.orders.get(name):
        parts.append("worst first")
    if ui.filter and name == ui.table:
        parts.append(f"/{ui.filter}")
    if ui.faults_only:
        parts.append("only faults")
    return f" {ui.glyphs.dot} ".join(parts)


def lines_of(rows: Sequence[Row]) -> list[str]:
    """The text of a frame."""
    return ["".join(span.text for span in row) for row in rows]
