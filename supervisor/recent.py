"""What happened in the last minutes: differences between samples of ever-growing counters. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: A sample is taken this often, and forgotten after this long.
SAMPLE_SECONDS: Final = 5.0
KEPT_SECONDS: Final = 300.0
RATE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters at one moment.

    Attributes:
        at: Monotonic seconds.
        settled: Jobs that left the queue for good.
        sending: Buckets of the exchanges' durations.
    """

    at: float
    settled: int
    sending: Sequence[int]


class Recent:
    """The samples of the last minutes."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        """Remember one."""
        self._samples.append(sample)
        while self._samples[0].at < sample.at - KEPT_SECONDS:
            self._samples.popleft()

    def settled_rate(self, now: Sample) -> float | None:
        """Jobs a second that left the queue in the last minute; None: not known yet."""
        before = next((one for one in self._samples if one.at >= now.at - RATE_SECONDS), None)
        if before is None or now.at - before.at < 1.0:
            return None
        return max(0, now.settled - before.settled) / (now.at - before.at)

    def sending(self, now: Sample) -> list[int]:
        """The exchanges of the last five minutes, by bucket."""
        if not self._samples:
            return list(now.sending)
        oldest = self._samples[0]
        return [max(0, b - a) for a, b in zip(oldest.sending, now.sending, strict=True)]
