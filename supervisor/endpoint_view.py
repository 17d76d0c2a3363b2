"""The fleet's endpoints: the rows of all workers added up, worst first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from sockq.supervisor.histograms import Histogram
from sockq.workers.disabled import Disabled
from sockq.workers.endpoint_state import SHUT, EndpointState
from sockq.workers.endpoint_stats import MOST_FAILURES, EndpointRow
from sockq.workers.outcome_classes import SENDING_BOUNDS

_WORST_FIRST: Final = (
    EndpointState.OPEN,
    EndpointState.PAUSED,
    EndpointState.HALF_OPEN,
    EndpointState.DISABLED,
    EndpointState.CLOSED,
)
_SEVERITY: Final[Mapping[str, int]] = {state: rank for rank, state in enumerate(_WORST_FIRST)}


def merge(
    tables: Iterable[Iterable[EndpointRow]], disabled: Iterable[Disabled] = ()
) -> list[EndpointRow]:
    """One row for each endpoint: sums, the worst state, the latest times.

    Args:
        tables: Of the workers.
        disabled: Endpoints that have this state whatever their lanes say; they have a row also
            when no worker has met them.
    """
    merged: dict[str, EndpointRow] = {}
    for table in tables:
        for row in table:
            known = merged.get(row.id)
            if known is None:
                copy = msgspec.structs.replace(
                    row,
                    buckets=list(row.buckets),
                    classes=dict(row.classes),
                    recent=list(row.recent),
                )
                merged[row.id] = copy
            else:
                add(known, row)
    for one in disabled:
        row = merged.setdefault(one.id, EndpointRow(one.id, one.app, one.label))
        row.state = EndpointState.DISABLED
    return sorted(merged.values(), key=lambda one: (_rank(one), -one.failed, one.id))


def histogram(row: EndpointRow) -> Histogram:
    """How long its exchanges took."""
    return Histogram(SENDING_BOUNDS, row.buckets, row.seconds)


def told(row: EndpointRow, disabled: Disabled | None = None) -> dict[str, Any]:
    """As the status document has it; ``disabled``: by whom, if it is."""
    attempts = row.attempts
    times = histogram(row)
    return {
        "id": row.id,
        "app": row.app,
        "label": row.label,
        "state": row.state,
        "shut_seconds": row.shut_seconds if row.state in SHUT else None,
        "disabled_at": disabled.since_ms / 1000 if disabled else None,
        "disabled_by": disabled.by or None if disabled else None,
        "limit": row.limit,
        "in_flight": row.in_flight,
        "waiting": row.waiting,
        "failures_in_a_row": row.failures_in_a_row,
        "attempts": attempts,
        "ok": attempts - row.failed,
        "failed": row.failed,
        "retried": row.retried,
        "given_up": row.given_up,
        "parked": row.parked,
        "outcomes": row.classes,
        "last_failure": row.last or None,
        "last_success_at": row.last_success_ms / 1000 or None,
        "last_failure_at": row.last_failure_ms / 1000 or None,
        **times.percentiles(),
        "buckets": row.buckets,
        "recent_failures": [
            {"at": one.at_ms / 1000, "what": one.what, "ms": one.ms, "attempt": one.attempt}
            for one in row.recent
        ],
    }


def add(known: EndpointRow, row: EndpointRow) -> None:
    """Add what ``row`` counts to ``known``."""
    if (_rank(row), -row.shut_seconds) < (_rank(known), -known.shut_seconds):
        known.state, known.shut_seconds = row.state, row.shut_seconds
    if row.last_failure_ms > known.last_failure_ms:
        known.last = row.last
    known.limit += row.limit
    known.in_flight += row.in_flight
    known.waiting += row.waiting
    known.failures_in_a_row = max(known.failures_in_a_row, row.failures_in_a_row)
    known.failed += row.failed
    known.retried += row.retried
    known.given_up += row.given_up
    known.parked += row.parked
    known.seconds += row.seconds
    known.buckets = [a + b for a, b in zip(known.buckets, row.buckets, strict=True)]
    for kind, count in row.classes.items():
        known.classes[kind] = known.classes.get(kind, 0) + count
    both = sorted([*known.recent, *row.recent], key=lambda one: one.at_ms)
    known.recent = both[-MOST_FAILURES:]
    known.last_success_ms = max(known.last_success_ms, row.last_success_ms)
    known.last_failure_ms = max(known.last_failure_ms, row.last_failure_ms)


def _rank(row: EndpointRow) -> int:
    return _SEVERITY.get(row.state, len(_SEVERITY))
