"""The tables of endpoints and queues: columns, words, and which of them is worst. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sockq.supervisor import screen_numbers as numbers
from sockq.supervisor.screen_cells import error_percent, latency, most, number, rate
from sockq.supervisor.screen_table import Column, Item
from sockq.supervisor.screen_text import Span
from sockq.workers.endpoint_state import SHUT, EndpointState

_STYLES: Final[Mapping[str, str]] = {
    EndpointState.OPEN: "bad",
    EndpointState.PAUSED: "warn",
    EndpointState.HALF_OPEN: "warn",
    EndpointState.DISABLED: "warn",
}
_ORDER: Final[Mapping[str, int]] = {state: rank for rank, state in enumerate(_STYLES)}
_IN_CAPITALS: Final = SHUT | {EndpointState.DISABLED}


def endpoint_state(item: Item) -> str:
    """``closed``, ``half-open``, ``OPEN 41s``, ``PAUSED 9s``, ``DISABLED``."""
    state = str(item.get("state") or EndpointState.CLOSED)
    if state in _IN_CAPITALS:
        return state.upper() + numbers.countdown(item.get("shut_seconds"))
    return state


def not_closed(item: Item) -> bool:
    """Whether an endpoint needs a look."""
    return str(item.get("state") or EndpointState.CLOSED) != EndpointState.CLOSED


def endpoint_id(item: Item) -> str:
    """Names one endpoint of one host."""
    return f"{item.get('host') or ''}/{item.get('id')}"


def badness(item: Item) -> tuple[Any, ...]:
    """Sorts the worst first: not closed, then errors, then backlog, then by name."""
    errors = item.get("error_percent") or 0.0
    backlog = item.get("waiting") or 0
    return (
        _ORDER.get(str(item.get("state")), 4),
        -errors if errors >= 1 else 0.0,
        -backlog,
        str(item.get("label")),
    )


def last_answer(item: Item) -> str:
    """What went wrong last, while it does; else nothing."""
    failed, succeeded = item.get("last_failure_at") or 0, item.get("last_success_at") or 0
    last = str(item.get("last_failure") or "")
    if not last:
        return "ok" if succeeded else "-"
    return last if failed >= succeeded or not_closed(item) else f"ok, was {last}"


def _label(item: Item) -> Span:
    where = str(item.get("label") or "").removeprefix("https://").removeprefix("http://")
    parts = [str(one) for one in (item.get("host"), item.get("app"), where) if one]
    return Span(" ".join(parts) or str(item.get("id")))


def _state(item: Item) -> Span:
    return Span(" " + endpoint_state(item), _STYLES.get(str(item.get("state")), "dim"))


def _in_flight(item: Item) -> Span:
    held, limit = item.get("in_flight"), item.get("limit")
    text = numbers.count(held)
    return Span(f"{text}/{limit}" if limit else text, "" if held else "dim")


def _last(item: Item) -> Span:
    text = last_answer(item)
    return Span(" " + text, "dim" if text in ("ok", "-") else "")


ENDPOINTS: Final = [
    Column(
        "ENDPOINT",
        24,
        _label,
        left=True,
        flexible=True,
        want=48,
        key=lambda item: _label(item).text,
    ),
    Column(" STATE", 12, _state, left=True, key=badness),
    Column("INFL", 7, _in_flight, rank=2, key=most("in_flight")),
    Column("WAIT", 6, number("waiting"), rank=4, key=most("waiting")),
    Column("OK/S", 7, rate("ok_rate"), rank=8, key=most("ok_rate")),
    Column("ERR%", 6, error_percent, rank=1, key=most("error_percent")),
    Column("P95", 7, latency("p95_ms"), rank=5, key=most("p95_ms")),
    Column("OK", 8, number("ok"), rank=12, wide=True, key=most("ok")),
    Column("FAILED", 8, number("failed"), rank=13, wide=True, key=most("failed")),
    Column("RETRIED", 8, number("retried"), rank=14, wide=True, key=most("retried")),
    Column("PARKED", 8, number("parked"), rank=15, wide=True, key=most("parked")),
    Column("GIVEN UP", 9, number("given_up"), rank=11, wide=True, key=most("given_up")),
    Column(" LAST", 12, _last, rank=3, left=True, flexible=True, want=20),
]


def _oldest(item: Item) -> Span:
    value = item.get("oldest_seconds")
    return Span(numbers.seconds(value), "" if value else "dim")


QUEUES: Final = [
    Column(
        "QUEUE", 12, lambda item: Span(str(item.get("name"))), left=True, flexible=True,
        key=lambda item: str(item.get("name")),
    ),
    Column("WAITING", 10, number("ready"), key=most("ready")),
    Column("ACTIVE", 9, number("leased"), rank=1, key=most("leased")),
    Column("RETRY", 9, number("delayed"), rank=2, key=most("delayed")),
    Column("DEAD", 9, number("dead"), rank=1, key=most("dead")),
    Column("OLDEST", 9, _oldest, rank=1, key=most("oldest_seconds")),
    Column("EVICTED", 9, number("evicted"), rank=4, key=most("evicted")),
]  # fmt: skip
