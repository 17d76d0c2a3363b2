"""The last row: keys, or the question that waits, or what was just done. Pure."""

from __future__ import annotations

from typing import Final

from sockq.supervisor.screen_text import Row, Span, cells
from sockq.supervisor.screen_ui import Ui

_HINTS: Final = (
    ("?", "help"), ("1-6", "views"), ("j/k", "move"), ("enter", "detail"), ("/", "filter"),
    ("p", "hold"), ("z", "faults"),
)  # fmt: skip
_ACTS: Final = (("P", "pause"), ("D", "drain"), ("K", "restart"))


def footer(ui: Ui, width: int, now: float) -> Row:
    """The bar."""
    if ui.asking is not None:
        return [Span(f" {ui.asking.text}? type y, anything else is no", "alarm")]
    if ui.typing:
        return [
            Span(f" /{ui.filter}", "strong"),
            Span("_"),
            Span("   enter: keep, esc: clear", "dim"),
        ]
    if ui.message and now < ui.message_until:
        return [Span(f" {ui.message}", "bar")]
    row: list[Span] = []
    room = width - 1
    hints = [("q", "stop the fleet" if ui.owned else "quit"), *_HINTS]
    if ui.help or ui.detail:
        hints = [("esc", "back"), ("j/k", "scroll"), hints[0]]
    elif ui.may_act:
        hints += _ACTS
    if ui.log_path:
        hints.insert(1, ("log", ui.log_path))
    for key, text in hints:
        size = cells(key) + cells(text) + 3
        if size > room:
            continue
        row += [Span(f" {key}", "strong"), Span(f" {text} ", "dim")]
        room -= size
    return row
