"""What one fleet's counters were over the last minutes: rates and curves come from here. Pure.

Time is the fleet's own clock (``up_seconds``), so neither a late look nor a wrong wall clock bends
a rate; when the fleet was restarted the counters begin anew, and so does the history.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from sockq.supervisor.screen_parts import Parts

#: Rates are those of the last seconds, shares and percentiles those of the last minute.
RATE_SECONDS: Final = 5.0
SHARE_SECONDS: Final = 60.0
KEPT_SECONDS: Final = 310.0
_CLOSEST_SECONDS: Final = 0.4
_BUCKET_KINDS: Final = ("sending", "queue_wait", "end_to_end")

#: Before the name of a class of outcomes among the counters.
OUTCOME: Final = "outcome "
#: The counter of all requests that ended, whatever came of them.
ENDED: Final = "ended"

Counters = Mapping[str, int]
Buckets = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters at one moment of the fleet's clock."""

    at: float
    counters: Counters
    waiting: int | None
    buckets: Mapping[str, Buckets]


class History:
    """The samples of one fleet.

    Attributes:
        workers: The same of each worker, by name.
        endpoints: The same of each endpoint, by id.
        sending_bounds: Of the histograms of workers and endpoints, seconds.
    """

    def __init__(self) -> None:
        self.workers = Parts("name", ("delivered", "attempts", "failed", "cpu_seconds"),
                             "sending_buckets", 1.0)  # fmt: skip
        self.endpoints = Parts("id", ("ok", "attempts", "failed"), "buckets", 2.5)
        self.sending_bounds: Sequence[float] = ()
        self._samples: deque[Sample] = deque()
        self._identity: object = None

    def take(self, document: Mapping[str, Any]) -> None:
        """Remember a document's counters; one without a fleet ends the history."""
        at, totals = document.get("up_seconds"), document.get("totals")
        identity = (document.get("host"), document.get("pid"))
        last = self._samples[-1] if self._samples else None
        if at is None or totals is None:
            self._forget()
            return
        if last is not None and (identity != self._identity or at < last.at):
            self._forget()
            last = None
        self._identity = identity
        if last is not None and at - last.at < _CLOSEST_SECONDS:
            return
        queue = document.get("queue") or {}
        numbers = {name: value for name, value in totals.items() if isinstance(value, int)}
        outcomes = document.get("outcomes") or {}
        numbers |= {OUTCOME + name: value for name, value in outcomes.items()}
        # A request that found no connection was no attempt, but it ended.
        numbers[ENDED] = sum(outcomes.values()) or numbers.get("attempts", 0)
        self._samples.append(Sample(at, numbers, queue.get("ready"), _buckets(document)))
        while self._samples[0].at < at - KEPT_SECONDS:
            self._samples.popleft()
        sending = (document.get("latency") or {}).get("sending") or {}
        self.sending_bounds = sending.get("bounds_seconds") or ()
        self.workers.take(at, document.get("workers") or ())
        self.endpoints.take(at, document.get("endpoints") or ())

    @property
    def latest(self) -> Sample | None:
        """The newest sample."""
        return self._samples[-1] if self._samples else None

    def before(self, seconds: float) -> Sample | None:
        """The sample that is this old, or the oldest when none is; None without two samples."""
        if len(self._samples) < 2:  # noqa: PLR2004 - a difference needs two
            return None
        wanted = self._samples[-1].at - seconds
        for sample in reversed(self._samples):
            if sample.at <= wanted:
                return sample
        return self._samples[0]

    def rate(self, name: str, seconds: float = RATE_SECONDS) -> float | None:
        """How much a counter rose a second."""
        first, last = self.before(seconds), self.latest
        if first is None or last is None or last.at <= first.at:
            return None
        rise = last.counters.get(name, 0) - first.counters.get(name, 0)
        return max(0, rise) / (last.at - first.at)

    def rise(self, name: str, seconds: float = SHARE_SECONDS) -> int | None:
        """How much a counter rose."""
        first, last = self.before(seconds), self.latest
        if first is None or last is None:
            return None
        return max(0, last.counters.get(name, 0) - first.counters.get(name, 0))

    def curve(self, name: str, points: int, step: float) -> list[float | None]:
        """A counter's rate in each of the last ``points`` steps of ``step`` seconds, newest last.

        The steps stand still on the clock, so a picture moves only when a step is over.
        """
        edges = self._edges(points, step)
        values = [self._at(name, edge) for edge in edges]
        return [
            None if a is None or b is None else max(0.0, b - a) / step for a, b in pairwise(values)
        ]

    def waiting_curve(self, points: int, step: float) -> list[float | None]:
        """The same of the number of waiting jobs, as it was."""
        edges = self._edges(points, step)[1:]
        return [None if (one := self._sample_at(edge)) is None else one.waiting for edge in edges]

    def _edges(self, points: int, step: float) -> list[float]:
        last = self.latest
        if last is None:
            return [-1.0] * (points + 1)
        newest = last.at // step * step
        return [newest - step * (points - index) for index in range(points + 1)]

    def _at(self, name: str, at: float) -> float | None:
        """A counter at a moment, between two samples in proportion."""
        samples = self._samples
        index = bisect_left(samples, at, key=lambda one: one.at)
        if index == 0:
            exact = bool(samples) and samples[0].at == at
            return float(samples[0].counters.get(name, 0)) if exact else None
        if index == len(samples):
            return float(samples[-1].counters.get(name, 0))
        low, high = samples[index - 1], samples[index]
        a, b = low.counters.get(name, 0), high.counters.get(name, 0)
        return a + (b - a) * (at - low.at) / (high.at - low.at)

    def _sample_at(self, at: float) -> Sample | None:
        index = bisect_left(self._samples, at, key=lambda one: one.at)
        if index == 0 and (not self._samples or self._samples[0].at > at):
            return None
        return self._samples[min(index, len(self._samples) - 1)]

    def _forget(self) -> None:
        self._samples.clear()
        self.workers.clear()
        self.endpoints.clear()


def _buckets(document: Mapping[str, Any]) -> dict[str, Buckets]:
    found = {}
    for kind in _BUCKET_KINDS:
        one = (document.get("latency") or {}).get(kind)
        if isinstance(one, Mapping) and isinstance(one.get("buckets"), list):
            found[kind] = tuple(one["buckets"])
    return found
