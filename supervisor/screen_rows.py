"""The rows of each table after filter and order; the cursor moves in the same rows. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sockq.supervisor import screen_endpoints, screen_workers
from sockq.supervisor.screen_picture import Item, Picture
from sockq.supervisor.screen_table import Column
from sockq.supervisor.screen_text import Span
from sockq.supervisor.screen_ui import LEVELS, Ui

_LEVEL_STYLES: Final = {"warning": "warn", "error": "bad"}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table, in order.

    Attributes:
        columns: All that it has.
        items: What is left after the filter.
        total: How many there were before it.
        rest: Says of items that are not shown what they are: ``all closed``.
    """

    columns: Sequence[Column]
    items: Sequence[Item]
    total: int
    rest: Callable[[Sequence[Item]], str]


def rows_of(picture: Picture, ui: Ui, name: str, room: int | None = None) -> Table:
    """A table.

    Args:
        picture: What there is.
        ui: Filter and order.
        name: ``workers``, ``endpoints``, ``queues``, ``dead`` or ``log``.
        room: Rows on the screen; workers stay in the order of their names while all of them fit.
    """
    columns, items, is_wrong, worst_first, rest = _KINDS[name](picture, ui)
    total = len(items)
    if ui.faults_only:
        items = [one for one in items if is_wrong(one)]
    items = [one for one in items if _matches(one, ui.filter)]
    order = next((one.key for one in columns if one.title == ui.orders.get(name)), None)
    if order is None and (name != "workers" or (room is not None and len(items) > room)):
        order = worst_first
    if order is not None:
        items = sorted(items, key=order)
    if name in ui.reverse:
        items = items[::-1]
    return Table(columns, items, total, rest)


def identity(name: str, item: Item) -> str:
    """What the cursor remembers of a row."""
    if name == "endpoints":
        return screen_endpoints.endpoint_id(item)
    return str(item.get("id") or item.get("name"))


def _matches(item: Item, wanted: str) -> bool:
    inverse = wanted.startswith("!")
    text = wanted.removeprefix("!").lower()
    if not text:
        return True
    found = any(text in str(value).lower() for value in item.values() if value is not None)
    return found is not inverse


_Kind = tuple[
    Sequence[Column], list[Item], Callable[[Item], bool], Any, Callable[[Sequence[Item]], str]
]


def _workers(picture: Picture, _ui: Ui) -> _Kind:
    items = list(picture.workers)
    longest = max((len(str(one.get("id"))) for one in items), default=3)

    def rest(hidden: Sequence[Item]) -> str:
        wrong = sum(map(screen_workers.is_wrong, hidden))
        return f"{wrong} of them not well" if wrong else "all well"

    columns = screen_workers.columns(min(longest, 24))
    return columns, items, screen_workers.is_wrong, screen_workers.badness, rest


def _endpoints(picture: Picture, _ui: Ui) -> _Kind:
    def rest(hidden: Sequence[Item]) -> str:
        wrong = sum(map(screen_endpoints.not_closed, hidden))
        return f"{wrong} of them not closed" if wrong else "all closed"

    items = list(picture.endpoints or ())
    return (
        screen_endpoints.ENDPOINTS, items, screen_endpoints.not_closed, screen_endpoints.badness,
        rest,
    )  # fmt: skip


def _queues(picture: Picture, _ui: Ui) -> _Kind:
    items = list(picture.sources)
    return (
        screen_endpoints.QUEUES, items, lambda one: bool(one.get("dead")), _waiting_most,
        lambda _hidden: "with less",
    )  # fmt: skip


def _dead(picture: Picture, _ui: Ui) -> _Kind:
    columns, items, is_wrong, _, rest = _queues(picture, _ui)
    return columns, items, is_wrong, lambda one: -(one.get("dead") or 0), rest


def _waiting_most(item: Item) -> int:
    return -(item.get("ready") or 0)


def _log(picture: Picture, ui: Ui) -> _Kind:
    least = LEVELS[ui.level :]
    items = [
        {"id": f"{one.at} {one.text}", "at": one.at, "level": one.level, "host": one.host,
         "text": one.text}
        for one in picture.events if one.level in least or one.level not in LEVELS
    ]  # fmt: skip
    return LOG, items, lambda one: one["level"] != "info", lambda one: -one["at"], lambda _: "older"


def _clock(item: Item) -> Span:
    at = item["at"]
    return Span(" " + (time.strftime("%H:%M:%S", time.gmtime(at)) if at else "-"), "dim")


def _text(item: Item) -> Span:
    text = f"{item['host']} {item['text']}" if item["host"] else item["text"]
    return Span(text, _LEVEL_STYLES.get(item["level"], ""))


LOG: Final = [
    Column("  TIME", 10, _clock, left=True),
    Column(
        "LEVEL", 8, lambda item: Span(item["level"], _LEVEL_STYLES.get(item["level"], "dim")),
        rank=9, left=True,
    ),
    Column("EVENT", 40, _text, left=True, flexible=True),
]  # fmt: skip

_KINDS: Final[dict[str, Callable[[Picture, Ui], _Kind]]] = {
    "workers": _workers,
    "endpoints": _endpoints,
    "queues": _queues,
    "dead": _dead,
    "log": _log,
}
