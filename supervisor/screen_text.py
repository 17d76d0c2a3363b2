"""Text of the live screen: rows of styled spans, measured in terminal cells. Pure.

A row that leaves ``fit`` is exactly as wide as it was told, whatever characters the data has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from rich.cells import cell_len


class Span(NamedTuple):
    """A piece of text in one style, by the names of ``screen_paint``: ``ok``, ``warn``, ``dim``."""

    text: str
    style: str = ""


Row = Sequence[Span]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What beyond letters a terminal can show.

    Attributes:
        bars: Eight heights, from nothing to full.
        rule: Draws lines.
        cut: Stands for text that is left out; one cell.
        dot: Between two things.
    """

    bars: str
    rule: str
    cut: str
    dot: str

    @property
    def ascii(self) -> bool:
        """Whether these are the poor man's."""
        return self.rule.isascii()


UNICODE: Final = Glyphs("▁▂▃▄▅▆▇█", "─", "…", "·")
ASCII: Final = Glyphs("_.:-=+*#", "-", "~", "-")


def clean(text: object) -> str:
    """Text that cannot move the cursor, colour the screen or hide: data comes from outside."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(one if one.isprintable() else " " if one.isspace() else "?" for one in shown)


def cells(text: str) -> int:
    """How many cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def clip(text: str, width: int, cut: str = "…") -> str:
    """At most ``width`` cells of a text; what is cut off is marked."""
    if cells(text) <= width:
        return text
    if width <= 0:
        return ""
    room, kept = width - 1, []
    for one in text:
        room -= cells(one)
        if room < 0:
            break
        kept.append(one)
    return "".join(kept) + cut


def pad(text: str, width: int, *, right: bool = False, cut: str = "…") -> str:
    """Exactly ``width`` cells; ``right`` moves the text to the right."""
    shown = clip(clean(text), width, cut)
    gap = " " * (width - cells(shown))
    return gap + shown if right else shown + gap


def width_of(row: Row) -> int:
    """Cells of a row."""
    return sum(cells(span.text) for span in row)


def fit(row: Row, width: int, cut: str = "…") -> list[Span]:
    """The row in exactly ``width`` cells: clipped or filled with spaces."""
    done: list[Span] = []
    room = width
    for span in row:
        text = clean(span.text)
        size = cells(text)
        if size > room:
            text = clip(text, room, cut)
            size = cells(text)
        if text:
            done.append(Span(text, span.style))
        room -= size
        if room <= 0:
            break
    if room > 0:
        style = done[-1].style if done and done[-1].style in _TO_THE_EDGE else ""
        done.append(Span(" " * room, style))
    return done


def ends(left: Row, right: Row, width: int, cut: str = "…") -> list[Span]:
    """One row with text at both ends; the left one gives way."""
    room = width - width_of(right)
    if room < 0:
        return fit(right, width, cut)
    return [*fit(left, room, cut), *right]


def flow(items: Iterable[Row], width: int, gap: int = 3) -> list[Span]:
    """As many items as fit, from the left, none of them cut."""
    row: list[Span] = []
    room = width
    for item in items:
        space = gap if row else 1
        size = width_of(item) + space
        if size <= room:
            row += [Span(" " * space), *item]
            room -= size
    return row


def rule(title: str, note: str, width: int, glyphs: Glyphs) -> list[Span]:
    """A line across the screen with a title, and a note at its end."""
    line = glyphs.rule
    right = f" {note} {line * 2}" if note else ""
    left = f"{line * 2} {title} "
    if cells(left) + cells(right) > width:
        right = ""
    left = clip(left, width, glyphs.cut)
    return [Span(left + line * (width - cells(left) - cells(right)) + right, "head")]


def wrap(text: str, width: int, most: int) -> list[str]:
    """At most ``most`` lines of ``width`` cells, broken at spaces; the last one takes the rest."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cells(longer) <= width or len(lines) == most:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def plain(row: Row) -> str:
    """The text alone."""
    return "".join(span.text for span in row)


def in_ascii(row: Row) -> list[Span]:
    """The row for a terminal that shows nothing else; no cell moves."""
    return [span if span.text.isascii() else span._replace(text=_ascii(span.text)) for span in row]


def _ascii(text: str) -> str:
    return "".join(one if one.isascii() else "?" * cells(one) for one in text)


_TO_THE_EDGE: Final = frozenset({"select", "alarm", "bar"})
