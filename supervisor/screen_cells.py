"""Cells and orders that several tables of the live screen share. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from sockq.supervisor import screen_numbers as numbers
from sockq.supervisor.screen_table import Item
from sockq.supervisor.screen_text import Span

Cell: TypeAlias = Callable[[Item], Span]

_MANY_ERRORS: Final = 10.0


def number(name: str) -> Cell:
    """A count; dim when there is none."""

    def cell(item: Item) -> Span:
        value = item.get(name)
        return Span(numbers.count(value), "" if value else "dim")

    return cell


def rate(name: str) -> Cell:
    """A number a second; dim when there is none."""

    def cell(item: Item) -> Span:
        value = item.get(name)
        return Span(numbers.rate(value), "" if value else "dim")

    return cell


def latency(name: str) -> Cell:
    """A time; dim when it is not known."""

    def cell(item: Item) -> Span:
        value = item.get(name)
        return Span(numbers.milliseconds(value), "" if value is not None else "dim")

    return cell


def error_percent(item: Item) -> Span:
    """How many of a hundred exchanges failed."""
    value = item.get("error_percent")
    style = "dim" if not value else "bad" if value >= _MANY_ERRORS else "warn" if value >= 1 else ""
    return Span(numbers.percent(value), style)


def most(name: str) -> Callable[[Item], float]:
    """Sorts the largest first."""
    return lambda item: -(item.get(name) or 0)
