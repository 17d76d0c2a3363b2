"""Numbers as the live screen shows them: short, and of a width that hardly changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockq.supervisor.screen_text import Glyphs
from sockq.supervisor.status_document import duration

_FULL: Final = 100_000
_STEPS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_HUNDRED: Final = 100
_THOUSAND: Final = 1000
#: Below this ``duration`` shows tenths.
_TENTH_BELOW: Final = 10.0
_MEGABYTE: Final = 1024 * 1024


def count(value: float | None) -> str:
    """``1,284``, ``812k``, ``12.3M``; ``-`` when it is not known."""
    if value is None:
        return "-"
    if abs(value) < _FULL:
        return f"{value:,.0f}"
    return _short(value)


def rate(value: float | None) -> str:
    """A number a second: ``0.0``, ``118.4``, ``1,240``, ``103k``."""
    if value is None:
        return "-"
    return f"{value:.1f}" if abs(value) < _THOUSAND else count(value)


def percent(value: float | None) -> str:
    """``0.8``, ``12.5``, ``100``."""
    if value is None:
        return "-"
    return f"{value:.1f}" if value < _HUNDRED else f"{value:.0f}"


def milliseconds(value: float | None) -> str:
    """``0.4ms``, ``41ms``, ``1.9s``, ``2m05s``."""
    if value is None:
        return "-"
    if value < 1:
        return f"{value:.1f}ms"
    return f"{value:.0f}ms" if value < _THOUSAND else duration(value / _THOUSAND)


def seconds(value: float | None) -> str:
    """``4.2s``, ``3d04h``; ``-`` when it is not known."""
    return "-" if value is None else duration(value)


def countdown(value: float | None) -> str:
    """`` 41s``, `` 2m05s`` to stand behind a word; empty when nothing is counted down."""
    if not value:
        return ""
    return f" {duration(value)}" if value >= _TENTH_BELOW else f" {value:.0f}s"


def memory(value: float | None) -> str:
    """``88M``, ``1.2G``."""
    if not value:
        return "-"
    mega = value / _MEGABYTE
    return f"{mega:.0f}M" if mega < _THOUSAND else f"{mega / 1024:.1f}G"


def spark(values: Sequence[float | None], glyphs: Glyphs, top: float | None = None) -> str:
    """One bar for each value, the highest one full (or ``top``); a space where nothing is known."""
    highest = top if top is not None else max((one for one in values if one is not None), default=0)
    last = len(glyphs.bars) - 1
    shown = ""
    for one in values:
        if one is None:
            shown += " "
        elif one <= 0 or highest <= 0:
            shown += glyphs.bars[0]
        else:
            shown += glyphs.bars[min(last, max(1, round(one / highest * last)))]
    return shown


def _short(value: float) -> str:
    for step, letter in _STEPS:
        if abs(value) >= step:
            scaled = value / step
            return f"{scaled:.0f}{letter}" if abs(scaled) >= _HUNDRED else f"{scaled:.1f}{letter}"
    return f"{value:.0f}"
