"""Tables of the live screen: columns of fixed width that leave from the least important. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sockq.supervisor.screen_text import Glyphs, Span, fit, pad

Item = dict[str, Any]
_ALWAYS: Final = 0
_WIDE_FIRST: Final = 4


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: In upper case; also what ``s`` sorts by.
        width: Cells, with the gap before it; of a flexible column the least.
        cell: An item's text and style.
        rank: 0 always stays; the highest leaves first.
        left: Text begins at the left, else ends at the right.
        flexible: Takes what is left over.
        want: Of a flexible column: what it should have before wide ones come by themselves.
        wide: Comes with ``w`` before lesser columns, or by itself where there is room.
        key: What it sorts by, worst or largest first; None: it does not.
    """

    title: str
    width: int
    cell: Callable[[Item], Span]
    rank: int = _ALWAYS
    left: bool = False
    flexible: bool = False
    wide: bool = False
    want: int = 0
    key: Callable[[Item], Any] | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with the width that it got."""

    column: Column
    width: int


def place(columns: Sequence[Column], width: int, *, wide: bool = False) -> list[Placed]:
    """Choose the columns that fit, in their order, and share what is left over."""
    room = width
    chosen: set[str] = set()
    wanted = sum(max(0, one.want - one.width) for one in columns)
    for column in sorted(columns, key=lambda one: _rank(one, wide=wide)):
        spare = wanted if column.wide and not wide else 0
        if column.width + spare <= room or column.rank == _ALWAYS:
            chosen.add(column.title)
            room -= column.width
    kept = [one for one in columns if one.title in chosen]
    flexible = [one for one in kept if one.flexible]
    share, rest = divmod(max(0, room), len(flexible)) if flexible else (0, 0)
    placed = []
    for one in kept:
        extra = share if one.flexible else 0
        if one.flexible and rest:
            extra, rest = extra + rest, 0
        placed.append(Placed(one, one.width + extra))
    return placed


def heading(
    placed: Sequence[Placed], width: int, glyphs: Glyphs, sorted_by: str = ""
) -> list[Span]:
    """The titles; that of the sorted column stands out."""
    row = []
    for one in placed:
        style = "strong" if one.column.title == sorted_by else "head"
        row.append(_cell(Span(one.column.title, style), one, glyphs))
    return fit(row, width, glyphs.cut)


def line(
    placed: Sequence[Placed], item: Item, width: int, glyphs: Glyphs, *, selected: bool = False
) -> list[Span]:
    """One item. A selected line is in one style from edge to edge, an old one dim."""
    row = [_cell(one.column.cell(item), one, glyphs) for one in placed]
    over = "select" if selected else "dim" if item.get("old") else ""
    if over:
        row = [Span(span.text, over) for span in row]
    return fit(row, width, glyphs.cut)


def _cell(span: Span, placed: Placed, glyphs: Glyphs) -> Span:
    column = placed.column
    if column.left:
        return Span(pad(span.text, placed.width - 1, cut=glyphs.cut) + " ", span.style)
    return Span(pad(span.text, placed.width, right=True, cut=glyphs.cut), span.style)


def _rank(column: Column, *, wide: bool) -> float:
    if not column.wide:
        return column.rank
    return _WIDE_FIRST + column.rank / 100 if wide else 100 + column.rank
