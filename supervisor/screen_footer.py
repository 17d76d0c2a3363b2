"""The last row: keys, or the question that waits, or what was just done. Pure."""

from __future__ import annotations

from typing import Final

from sockq.supervisor.screen_text import Row, Span, cells
from sockq.supervisor.screen_ui import Ui

_HINTS: Final[tuple[tuple[str, str], ...]] = (
    ("?", "help"), ("1-6", "views"), ("j/k", "move"), ("enter", "detail"), ("/", "filter"),
    ("p", "hold"), ("z", "faults"),
)  # fmt: skip
_OF_ENDPOINTS: Final = (("X", "disable"), ("E", "enable"))
#: They stand behind this many hints, before those that a narrow screen has no room for.
_FIRST: Final = 4
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
    hints = _hints(ui)
    if ui.log_path:
        hints.insert(1, ("log", ui.log_path))
    for key, text in hints:
        size = cells(key) + cells(text) + 3
        if size > room:
            continue
        row += [Span(f" {key}", "strong"), Span(f" {text} ", "dim")]
        room -= size
    return row


def _hints(ui: Ui) -> list[tuple[str, str]]:
    """Keys and what they do, the most important first."""
    leave = ("q", "stop the fleet" if ui.owned else "quit")
    own = _OF_ENDPOINTS if ui.table == "endpoints" and ui.may_act else ()
    if ui.help or ui.detail:
        return [("esc", "back"), ("j/k", "scroll"), leave, *(own if not ui.help else ())]
    if own:
        return [leave, *_HINTS[:_FIRST], *own, *_HINTS[_FIRST:], _ACTS[0]]
    return [leave, *_HINTS, *(_ACTS if ui.may_act else ())]
