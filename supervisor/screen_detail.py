"""Help, and one row at full length. Pure."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from sockq.supervisor.screen_keys import KEYS
from sockq.supervisor.screen_picture import Item, Picture
from sockq.supervisor.screen_rows import identity, rows_of
from sockq.supervisor.screen_text import Row, Span, cells, clean
from sockq.supervisor.screen_ui import Ui

_NAME_CELLS: Final = 22
_FAILURES: Final = "recent_failures"
_ADDED: Final = frozenset({"source", "old"})


def help_rows(ui: Ui) -> list[Row]:
    """All keys that do something here."""
    rows: list[Row] = [[Span(" keys", "head")]]
    for key in KEYS:
        if key.acts and not ui.may_act:
            continue
        text = key.text
        if key.does == "leave" and ui.owned:
            text = "stop the fleet: drain it, then leave"
        asks = " (asks)" if key.acts else ""
        rows.append([Span(f"  {key.shown:<12}", "strong"), Span(text + asks)])
    return rows


def selected(picture: Picture, ui: Ui) -> Item | None:
    """The row under the cursor, if it is still there."""
    wanted = ui.cursors.get(ui.table)
    if wanted is None:
        return None
    items = rows_of(picture, ui, ui.table).items
    return next((one for one in items if identity(ui.table, one) == wanted), None)


def bare(item: Item) -> Item:
    """A row without what the screen added for itself."""
    return {name: value for name, value in item.items() if name not in _ADDED}


def as_json(item: Item) -> str:
    """A row as one line."""
    return json.dumps(bare(item), default=str)


def detail_rows(picture: Picture, ui: Ui, width: int) -> list[Row]:
    """Every field of the selected row, long ones over several rows."""
    item = selected(picture, ui)
    if item is None:
        return [[Span(" this row is gone", "dim")]]
    rows: list[Row] = [[Span(f" {ui.table}: {identity(ui.table, item)}", "head")]]
    for name, value in bare(item).items():
        room = max(20, width - _NAME_CELLS - 3)
        told = _told_failures(value) if name == _FAILURES else [_told(value)]
        lines = [line for text in told for line in _wrapped(text, room)]
        for index, text in enumerate(lines):
            label = name.replace("_", " ") if index == 0 else ""
            rows.append([Span(f"  {label:<{_NAME_CELLS}} ", "dim"), Span(text)])
    return rows


def _told_failures(value: Any) -> list[str]:
    """The last failures of an endpoint, a line each, the latest first."""
    if not isinstance(value, list) or not value:
        return ["-"]
    return [
        f"{time.strftime('%H:%M:%SZ', time.gmtime(one['at']))}  try {one['attempt']}"
        f"  {one['ms']:>6} ms  {clean(one['what'])}"
        for one in reversed(value)
    ]


def _told(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return "  ".join(f"{name} {_told(one)}" for name, one in value.items())
    return clean(value)


def _wrapped(text: str, width: int) -> list[str]:
    lines, line, size = [], "", 0
    for one in text:
        step = cells(one)
        if size + step > width:
            lines.append(line)
            line, size = "", 0
        line += one
        size += step
    return [*lines, line]
