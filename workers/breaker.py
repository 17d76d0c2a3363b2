"""Circuit breaker of one lane: spares an endpoint that keeps failing. Pure: time is given."""

from __future__ import annotations

from collections import deque
from typing import Final

from sockq.workers.endpoint_state import EndpointState

ROW_OPENS: Final = 5
"""Failures in a row that open it (as Envoy's ``consecutive_5xx``)."""

RATE_ATTEMPTS: Final = 20
RATE_FAILED: Final = 0.5
WINDOW_SECONDS: Final = 60.0
"""It also opens at this share of failures among at least this many attempts of the window."""

BASE_OPEN_SECONDS: Final = 10.0
"""First time open. Receivers refuse a Pusher webhook older than 300 s, so a usual outage (a
restart, a roll-out) must be noticed as over while the jobs are fresh: 10, 20, 40, 80, 160 s gives
five looks in that time, 30 s doubling only three."""

MAX_OPEN_SECONDS: Final = 300.0
JITTER: Final = 0.2
CLOSING_SUCCESSES: Final = 2

_BUCKET_SECONDS: Final = WINDOW_SECONDS / 6


class Breaker:
    """Counts what happened to the exchanges of a lane and says whether more may be tried.

    Attributes:
        state: As it was at the last call; ``wait_seconds`` moves it from open to half open.
    """

    __slots__ = (
        "_bad",
        "_bucket_end",
        "_closed_at",
        "_ok",
        "_past",
        "_probed",
        "_row",
        "_times_open",
        "_until",
        "state",
    )

    def __init__(self) -> None:
        self.state = EndpointState.CLOSED
        self._row = 0
        self._ok = 0
        self._bad = 0
        self._bucket_end = 0.0
        self._past: deque[tuple[float, int, int]] = deque()
        self._until = 0.0
        self._times_open = 0
        self._closed_at = 0.0
        self._probed = 0

    @property
    def failures_in_a_row(self) -> int:
        """Since the last success."""
        return self._row

    def open_seconds(self, now: float) -> float:
        """For how much longer it is open, 0.0 when it is not; changes nothing."""
        return max(0.0, self._until - now) if self.state is EndpointState.OPEN else 0.0

    def wait_seconds(self, now: float) -> float:
        """Seconds until something may be sent, 0.0 for now. Ends the open state when it is time."""
        if self.state is not EndpointState.OPEN:
            return 0.0
        if now < self._until:
            return self._until - now
        self.state = EndpointState.HALF_OPEN
        self._probed = 0
        return 0.0

    def success(self, now: float) -> None:
        """Note an answer that shows the endpoint well (2xx)."""
        if now >= self._bucket_end:
            self._turn(now)
        self._ok += 1
        self._row = 0
        if self.state is EndpointState.HALF_OPEN:
            self._probed += 1
            if self._probed >= CLOSING_SUCCESSES:
                self._close(now)

    def failure(self, now: float, chance: float, count: int = 1) -> None:
        """Note failures: no connection, no answer in time, 5xx.

        Args:
            now: Monotonic seconds.
            chance: A random number of [0, 1), for the jitter.
            count: How many exchanges failed by the same event.
        """
        if now >= self._bucket_end:
            self._turn(now)
        self._bad += count
        self._row += count
        if self.state is EndpointState.HALF_OPEN or (
            self.state is EndpointState.CLOSED and (self._row >= ROW_OPENS or self._failing(now))
        ):
            self._open(now, chance)

    def clean(self, now: float) -> bool:
        """Whether it is closed and remembers no failure, so that a new one would act the same."""
        if self.state is not EndpointState.CLOSED or self._row:
            return False
        if now >= self._bucket_end:
            self._turn(now)
        return not self._bad and not any(bad for _, _, bad in self._past)

    def _failing(self, now: float) -> bool:
        oldest = now - WINDOW_SECONDS
        recent = [(ok, bad) for end, ok, bad in self._past if end > oldest]
        bad = self._bad + sum(bad for _, bad in recent)
        attempts = bad + self._ok + sum(ok for ok, _ in recent)
        return attempts >= RATE_ATTEMPTS and bad >= attempts * RATE_FAILED

    def _open(self, now: float, chance: float) -> None:
        if now - self._closed_at > WINDOW_SECONDS and self.state is EndpointState.CLOSED:
            self._times_open = 0  # it held: a new trouble, not the old one
        seconds = min(BASE_OPEN_SECONDS * 2**self._times_open, MAX_OPEN_SECONDS)
        self._times_open = min(self._times_open + 1, 16)
        self._until = now + seconds * (1 - JITTER + 2 * JITTER * chance)
        self.state = EndpointState.OPEN

    def _close(self, now: float) -> None:
        self.state = EndpointState.CLOSED
        self._closed_at = now
        self._ok = self._bad = 0
        self._past.clear()

    def _turn(self, now: float) -> None:
        """Begin a new bucket of the window."""
        if self._ok or self._bad:
            self._past.append((self._bucket_end, self._ok, self._bad))
            self._ok = self._bad = 0
        while self._past and self._past[0][0] <= now - WINDOW_SECONDS:
            self._past.popleft()
        self._bucket_end = now + _BUCKET_SECONDS
