"""From rows to what a terminal understands. Only what changed since the last frame is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from sockq.supervisor.screen_text import Row

#: The 16 names only: the user's theme decides what they look like.
STYLES: Final = {
    "ok": "green",
    "warn": "yellow",
    "bad": "bold red",
    "head": "cyan",
    "dim": "dim",
    "strong": "bold",
    "select": "reverse",
    "bar": "reverse",
    "alarm": "bold reverse red",
    "good-word": "bold green",
    "warn-word": "bold yellow",
    "bad-word": "bold red",
}
_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"
_CLEAR: Final = "\x1b[0m\x1b[2J"


class Painter:
    """Writes frames for one terminal.

    Args:
        environ: ``NO_COLOR`` and ``TERM`` count, as rich reads them.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        console = Console(force_terminal=True, _environ=environ)
        self._plain = console.no_color
        self._last: list[Row] = []

    def forget(self) -> None:
        """The terminal was cleared or changed its size: the next frame is written whole."""
        self._last = []

    def frame(self, rows: Sequence[Row]) -> str:
        """What brings the terminal from the last frame to this one; empty: it is there already."""
        whole = len(rows) != len(self._last)
        parts = []
        for number, row in enumerate(rows):
            if whole or row != self._last[number]:
                text = "".join(self._painted(span.text, span.style) for span in row)
                parts.append(f"\x1b[{number + 1};1H{text}")
        self._last = list(rows)
        if not parts:
            return ""
        return _BEGIN + (_CLEAR if whole else "") + "".join(parts) + _END

    def _painted(self, text: str, name: str) -> str:
        return text if not name else _style(name, plain=self._plain).render(
            text, color_system=ColorSystem.STANDARD
        )  # fmt: skip


@cache
def _style(name: str, *, plain: bool) -> Style:
    style = Style.parse(STYLES[name])
    return style.without_color if plain else style
