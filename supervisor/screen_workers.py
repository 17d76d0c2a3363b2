"""The table of workers: columns, the words for their states, which of them is worst. Pure."""

from __future__ import annotations

from typing import Any, Final

from sockq.supervisor import screen_numbers as numbers
from sockq.supervisor.screen_cells import error_percent, latency, most, number, rate
from sockq.supervisor.screen_table import Column, Item
from sockq.supervisor.screen_text import Span

_STARTING: Final = frozenset({"empty", "spawning", "booting", "dead"})
_WRONG: Final = frozenset({"stale", "suspect", "killing", "lost", "held", "stopped"})
_ATTENTION: Final = frozenset({"backoff", "degraded", "paused", "draining"})
_UPPER: Final = _WRONG | {"backoff", "degraded"}
_SILENT_SECONDS: Final = 5.0
_HOT: Final = 90.0


def state_word(item: Item) -> str:
    """``busy``, ``idle``, ``starting``, ``STALE``, ``BACKOFF 3s``: upper case is wrong."""
    state = str(item.get("state"))
    if state == "ready":
        return "busy" if item.get("in_flight") else "idle"
    if state in _STARTING:
        return "starting"
    if state in ("backoff", "held"):
        return state.upper() + numbers.countdown(item.get("next_start_seconds"))
    return state.upper() if state in _UPPER else state


def is_wrong(item: Item) -> bool:
    """Whether a worker needs a look."""
    return str(item.get("state")) in _WRONG | _ATTENTION


def badness(item: Item) -> tuple[Any, ...]:
    """Sorts the worst first, then by name."""
    state = str(item.get("state"))
    level = 0 if state in _WRONG else 1 if state in _ATTENTION else 2
    if level == 2 and state != "ready":  # noqa: PLR2004 - the third of three levels
        level = 1
    errors = item.get("error_percent") or 0.0
    return (level, -errors if errors >= 1 else 0.0, str(item.get("id")))


def last_end(item: Item) -> str:
    """How its last process ended: ``killed SIGKILL 12s ago``; empty when none has."""
    cause = item.get("last_cause")
    if not cause:
        return ""
    how = item.get("last_exit") or ""
    ago = item.get("last_end_seconds")
    return " ".join(
        part
        for part in (cause, how, f"{numbers.seconds(ago)} ago" if ago is not None else "")
        if part
    )


def _state(item: Item) -> Span:
    state = str(item.get("state"))
    style = "bad" if state in _WRONG else "warn" if state in _ATTENTION else ""
    if state == "ready":
        style = "ok" if item.get("in_flight") else "dim"
    return Span(state_word(item), style)


def _in_flight(item: Item) -> Span:
    if not item.get("pid"):
        return Span("-", "dim")
    held = item.get("in_flight")
    return Span(numbers.count(held), "" if held else "dim")


def _beat(item: Item) -> Span:
    value = item.get("beat_seconds")
    silent = value is not None and value > _SILENT_SECONDS
    return Span(numbers.seconds(value), "bad" if silent else "dim" if value is None else "")


def _cpu(item: Item) -> Span:
    value = item.get("cpu_percent")
    if value is None or not item.get("pid"):
        return Span("-", "dim")
    return Span(f"{value:.0f}%", "warn" if value >= _HOT else "")


def memory_bytes(item: Item) -> int | None:
    """What only this process uses, where that is known; else all that it maps."""
    if not item.get("pid"):
        return None
    return item.get("private_bytes") or item.get("rss_bytes") or None


def _memory(item: Item) -> Span:
    value = memory_bytes(item)
    return Span(numbers.memory(value), "" if value else "dim")


def _restarts(item: Item) -> Span:
    value = item.get("restarts") or 0
    return Span(numbers.count(value), "warn" if value else "dim")


def _last(item: Item) -> Span:
    text = last_end(item)
    note = item.get("note")
    return Span(" " + " - ".join(str(part) for part in (text, note) if part))


def columns(longest_id: int) -> list[Column]:
    """The columns, where the longest id has this many characters."""
    return [
        Column(
            "ID", max(4, longest_id + 1), lambda item: Span(str(item.get("id"))),
            left=True, key=lambda item: str(item.get("id")),
        ),
        Column("PID", 7, lambda item: Span(str(item.get("pid") or "-")), rank=3),
        Column(
            " STATE", 13, lambda item: Span(" " + _state(item).text, _state(item).style),
            left=True, key=badness,
        ),
        Column("INFL", 5, _in_flight, rank=1, key=most("in_flight")),
        Column("JOBS", 8, number("delivered"), rank=12, wide=True, key=most("delivered")),
        Column("WAIT", 6, number("waiting"), rank=15, wide=True, key=most("waiting")),
        Column("OK/S", 7, rate("ok_rate"), rank=1, key=most("ok_rate")),
        Column("ERR%", 5, error_percent, rank=2, key=most("error_percent")),
        Column("P50", 7, latency("p50_ms"), rank=13, wide=True, key=most("p50_ms")),
        Column("P95", 6, latency("p95_ms"), rank=7, key=most("p95_ms")),
        Column("BEAT", 5, _beat, rank=3, key=most("beat_seconds")),
        Column("CPU", 5, _cpu, rank=8, key=most("cpu_percent")),
        Column("MEM", 6, _memory, rank=9, key=lambda item: -(memory_bytes(item) or 0)),
        Column(
            "UP", 7, lambda item: Span(numbers.seconds(item.get("up_seconds"))),
            rank=14, wide=True, key=most("up_seconds"),
        ),
        Column("RST", 4, _restarts, rank=10, key=most("restarts")),
        Column(
            " LAST", 12, _last, rank=6, left=True, flexible=True, want=26,
            key=lambda item: item["last_end_seconds"] if item.get("last_cause") else float("inf"),
        ),
    ]  # fmt: skip
