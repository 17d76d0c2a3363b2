"""Histograms of the board, added up over slots, with their percentiles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sockq.workers import board as slot_words
from sockq.workers.outcome_classes import AGE_BOUNDS, SENDING_BOUNDS

_US: Final = 1_000_000
_PERCENTILES: Final = (("p50_ms", 50.0), ("p95_ms", 95.0), ("p99_ms", 99.0))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations by bucket.

    Attributes:
        bounds: Upper bounds of the buckets, seconds; one more bucket has none.
        buckets: How many fell into each.
        seconds: Sum of all durations.
    """

    bounds: Sequence[float]
    buckets: Sequence[int]
    seconds: float

    @property
    def count(self) -> int:
        """All that were counted."""
        return sum(self.buckets)

    def percentile_ms(self, wanted: float) -> float | None:
        """Milliseconds below which ``wanted`` percent lie; None when nothing was counted.

        Linear inside a bucket; the last bound stands for what lies beyond it.
        """
        rank = wanted / 100 * self.count
        if not self.count:
            return None
        below = 0.0
        for index, bound in enumerate(self.bounds):
            inside = self.buckets[index]
            if inside and below + inside >= rank:
                low = self.bounds[index - 1] if index else 0.0
                return round((low + (bound - low) * (rank - below) / inside) * 1000, 3)
            below += inside
        return self.bounds[-1] * 1000

    def percentiles(self) -> dict[str, float | None]:
        """``p50_ms``, ``p95_ms``, ``p99_ms``."""
        return {name: self.percentile_ms(wanted) for name, wanted in _PERCENTILES}

    def told(self) -> dict[str, Any]:
        """As the status document has it. Buckets are cumulative over time, not over bounds."""
        return {
            **self.percentiles(),
            "count": self.count,
            "sum_seconds": round(self.seconds, 6),
            "bounds_seconds": list(self.bounds),
            "buckets": list(self.buckets),
        }


#: Name in the document, first word, word of the sum, bounds.
_KINDS: Final = (
    ("sending", slot_words.SENDING_AT, slot_words.SENDING_US, SENDING_BOUNDS),
    ("queue_wait", slot_words.QUEUE_WAIT_AT, slot_words.QUEUE_WAIT_US, AGE_BOUNDS),
    ("end_to_end", slot_words.END_TO_END_AT, slot_words.END_TO_END_US, AGE_BOUNDS),
)


def read_histograms(slots: Iterable[memoryview]) -> dict[str, Histogram]:
    """The histograms of some slots together: ``sending``, ``queue_wait``, ``end_to_end``."""
    slots = list(slots)
    found = {}
    for name, first, total, bounds in _KINDS:
        each = [slot[first : first + len(bounds) + 1].tolist() for slot in slots]
        buckets = [sum(column) for column in zip(*each, strict=True)]
        seconds = sum(slot[total] for slot in slots) / _US
        found[name] = Histogram(bounds, buckets or [0] * (len(bounds) + 1), seconds)
    return found
