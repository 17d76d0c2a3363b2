"""Percentiles of the last minute from the histograms of the documents. Pure.

Linear inside a bucket; what lies past the last bound is marked, not guessed. Never a mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sockq.supervisor.screen_history import SHARE_SECONDS, History
from sockq.supervisor.screen_picture import Latency, Reading

KINDS: Final = ("sending", "queue_wait", "end_to_end")
_PERCENTILES: Final = (("p50", 50.0), ("p95", 95.0), ("p99", 99.0))
_MS: Final = 1000.0


def latencies(histories: Sequence[History], readings: Sequence[Reading]) -> dict[str, Latency]:
    """Of all hosts together, by kind; a kind of which nothing is known is left out."""
    found = {}
    for kind in KINDS:
        bounds = _bounds(readings, kind)
        counts = _recent(histories, kind) if bounds else ()
        if counts and sum(counts):
            found[kind] = _from_buckets(bounds, counts)
        elif len(readings) == 1 and (told := _told(readings[0].document, kind)) is not None:
            found[kind] = told
    return found


def percentile(
    bounds: Sequence[float], counts: Sequence[int], wanted: float
) -> tuple[float, bool] | None:
    """The value below which ``wanted`` percent lie.

    Args:
        bounds: Upper bounds of the buckets, rising.
        counts: How many fell into each, and one more for those beyond.
        wanted: 0 to 100.

    Returns:
        The value and whether it lies beyond the last bound; None when nothing was counted.
    """
    total = sum(counts)
    if not total:
        return None
    rank = wanted / 100 * total
    below = 0.0
    for index, bound in enumerate(bounds):
        inside = counts[index]
        if inside and below + inside >= rank:
            low = bounds[index - 1] if index else 0.0
            return low + (bound - low) * (rank - below) / inside, False
        below += inside
    return bounds[-1], True


def _from_buckets(bounds: Sequence[float], counts: Sequence[int]) -> Latency:
    values: dict[str, float] = {}
    beyond = set()
    for name, wanted in _PERCENTILES:
        found = percentile(bounds, counts, wanted)
        assert found is not None
        values[name] = found[0] * _MS
        if found[1]:
            beyond.add(name)
    return Latency(**values, beyond=frozenset(beyond), shape=tuple(counts))


def _recent(histories: Sequence[History], kind: str) -> tuple[int, ...]:
    """What fell into each bucket within the last minute, over all hosts."""
    total: list[int] = []
    for history in histories:
        first, last = history.before(SHARE_SECONDS), history.latest
        now = last.buckets.get(kind) if last else None
        before = first.buckets.get(kind) if first else None
        if now is None or before is None or len(now) != len(before):
            continue
        rise = [max(0, b - a) for a, b in zip(before, now, strict=True)]
        total = [a + b for a, b in zip(total, rise, strict=True)] if total else rise
    return tuple(total)


def _bounds(readings: Sequence[Reading], kind: str) -> Sequence[float]:
    for one in readings:
        told = (one.document.get("latency") or {}).get(kind)
        if isinstance(told, Mapping) and told.get("bounds_seconds"):
            return [float(bound) for bound in told["bounds_seconds"]]
    return ()


def _told(document: Mapping[str, Any], kind: str) -> Latency | None:
    """The percentiles that a document brings along: those since the fleet's start."""
    told = (document.get("latency") or {}).get(kind)
    if not isinstance(told, Mapping):
        return None
    p50, p95, p99 = (told.get(f"{name}_ms") for name, _ in _PERCENTILES)
    return None if p50 is None else Latency(p50, p95, p99)
