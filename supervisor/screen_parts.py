"""What the counters of many parts (workers, endpoints) were over the last minute. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_KEPT_SECONDS: Final = 65.0

_Part = tuple[tuple[float, ...], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Rise:
    """How far a part's counters rose.

    Attributes:
        seconds: Within this many seconds.
        counters: By name.
        buckets: Of its histogram; empty where there is none.
    """

    seconds: float
    counters: Mapping[str, float]
    buckets: tuple[int, ...]

    @property
    def error_percent(self) -> float | None:
        """Failures as percent of all that ended; None when nothing did."""
        ended = sum(self.buckets) or self.counters["attempts"]
        return min(100.0, self.counters["failed"] / ended * 100) if ended else None


class Parts:
    """The samples of many parts.

    Args:
        key: The field that names a part.
        names: The fields that count.
        buckets: The field with the histogram.
        step: Seconds from one sample to the next, at least.
    """

    def __init__(self, key: str, names: Sequence[str], buckets: str, step: float) -> None:
        self._key = key
        self._names = names
        self._buckets = buckets
        self._step = step
        self._samples: deque[tuple[float, dict[str, _Part]]] = deque()

    def take(self, at: float, items: Iterable[Mapping[str, Any]]) -> None:
        """Remember what the parts say at a moment of the fleet's clock."""
        if self._samples and at - self._samples[-1][0] < self._step * 0.9:
            return
        seen = {
            str(one.get(self._key)): (
                tuple(one.get(name) or 0 for name in self._names),
                one.get(self._buckets) or (),
            )
            for one in items
        }
        self._samples.append((at, seen))
        while self._samples[0][0] < at - _KEPT_SECONDS:
            self._samples.popleft()

    def rise(self, part: str, seconds: float) -> Rise | None:
        """How far its counters rose within the last ``seconds``; None: not known yet."""
        if not self._samples:
            return None
        at, now = self._samples[-1]
        wanted = at - seconds
        then, before = next((one for one in reversed(self._samples) if one[0] <= wanted),
                            self._samples[0])  # fmt: skip
        if part not in now or part not in before or then >= at:
            return None
        counted, buckets = now[part]
        counted_before, buckets_before = before[part]
        pairs = zip(self._names, counted_before, counted, strict=True)
        if len(buckets) != len(buckets_before):
            buckets = buckets_before = ()
        return Rise(
            at - then,
            {name: max(0, new - old) for name, old, new in pairs},
            tuple(max(0, b - a) for a, b in zip(buckets_before, buckets, strict=True)),
        )

    def clear(self) -> None:
        """Forget everything."""
        self._samples.clear()
