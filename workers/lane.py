"""The policy of one lane: how much may be sent to an endpoint now, and what must not wait for it.

Pure: time and chance are given, nothing is sent here. ``route.py`` adds the connections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sockq.workers.breaker import Breaker
from sockq.workers.endpoint_state import EndpointState
from sockq.workers.outcome import Outcome

T = TypeVar("T")

HOLD: Final = 16
"""What may wait in memory for a lane that makes no progress; the rest goes back to the queue."""

STALL_SECONDS: Final = 1.0
"""No exchange ended for this long while requests wait: the lane is stalled."""

MIN_PARK_SECONDS: Final = 1.0
MAX_PARK_SECONDS: Final = 10.0
MAX_PAUSE_SECONDS: Final = 300.0

MIN_DISABLED_SECONDS: Final = 5.0
MAX_DISABLED_SECONDS: Final = 30.0
"""What is parked while the endpoint is disabled comes again after as long as that lasts already,
within these: soon once it is enabled, and not too often meanwhile."""

_PAUSE_BASE_SECONDS: Final = 1.0
_PAUSE_CAP_SECONDS: Final = 30.0
_TOO_MANY: Final = 429
_FAILURES: Final = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Look:
    """A lane from outside: any state but ``disabled``, and for how much longer it is shut."""

    state: EndpointState
    shut_seconds: float = 0.0


class Lane(Generic[T]):
    """One endpoint of one app.

    Attributes:
        waiting: Requests in order, none of them sent.
        cap: Exchanges at once when all is well.
        limit: Exchanges at once that are allowed now: 0 while open, paused or disabled, 1 while
            half open, growing from 1 to ``cap`` afterwards.
        busy: Exchanges on the wire.
        endpoint_id: What the operator disables it by.
        disabled_since: When the operator has disabled it, monotonic seconds; None: it is not.
        calm: ``limit`` is ``cap`` and the breaker closed: nothing but counting is left to do.
        ended_count: Exchanges that ended, ever: progress.
    """

    __slots__ = (
        "_paused_until",
        "_pauses",
        "_seen",
        "_stalled_for",
        "breaker",
        "busy",
        "calm",
        "cap",
        "disabled_since",
        "ended_count",
        "endpoint_id",
        "limit",
        "waiting",
    )

    def __init__(self, cap: int, endpoint_id: str = "") -> None:
        self.waiting: deque[T] = deque()
        self.breaker = Breaker()
        self.cap = cap
        self.limit = cap
        self.busy = 0
        self.calm = True
        self.ended_count = 0
        self.endpoint_id = endpoint_id
        self.disabled_since: float | None = None
        self._pauses = 0
        self._paused_until = 0.0
        self._seen = 0
        self._stalled_for = 0.0

    # What happened

    def succeeded(self, now: float) -> None:
        """Note a 2xx."""
        self.ended_count += 1
        self.breaker.success(now)
        if not self.calm:
            self._recover(now)

    def ended(self, outcome: Outcome, now: float, chance: float) -> None:
        """Note the end of any exchange. 429 pauses; other 4xx and 3xx say nothing about health."""
        status = outcome.status
        if outcome.delivered:
            self.succeeded(now)
        elif status == _TOO_MANY:
            self.ended_count += 1
            self._pause(outcome.retry_after_seconds, now, chance)
        elif outcome.fault is not None or status >= 500 or status in _FAILURES:  # noqa: PLR2004 - 5xx
            self.failed(now, chance)
        else:
            self.ended_count += 1

    def failed(self, now: float, chance: float, count: int = 1) -> None:
        """Note failures that are the endpoint's: of ``count`` requests, by one event."""
        self.ended_count += count
        self.breaker.failure(now, chance, count)
        self._set_limit(now)

    def obey(self, disabled: Mapping[str, float], now: float) -> None:
        """Do as the operator wants.

        Whoever enables an endpoint says that it is well: its failures are forgotten, and it gets
        one request at first, then more.

        Args:
            disabled: Endpoints that are disabled, by id; since when, monotonic seconds.
            now: The same.
        """
        before, self.disabled_since = self.disabled_since, disabled.get(self.endpoint_id)
        if before is not None and self.disabled_since is None:
            self.breaker = Breaker()
        self._set_limit(now)

    # What is allowed

    def shut_seconds(self, now: float) -> float:
        """Seconds for which nothing may be sent (open, paused, disabled), or 0.0.

        Refreshes ``limit``.
        """
        if self.calm:
            return 0.0
        if self.disabled_since is not None:  # and nothing else counts: a breaker is not probed
            so_far = now - self.disabled_since
            return min(max(so_far, MIN_DISABLED_SECONDS), MAX_DISABLED_SECONDS)
        shut = max(self.breaker.wait_seconds(now), self._paused_until - now, 0.0)
        if not self.limit and not shut:
            self._set_limit(now)
        return shut

    def look(self, now: float) -> Look:
        """How it is, for others to see; changes nothing."""
        opened = self.breaker.open_seconds(now)
        if opened:
            return Look(EndpointState.OPEN, opened)
        if now < self._paused_until:
            return Look(EndpointState.PAUSED, self._paused_until - now)
        if self.breaker.state is EndpointState.CLOSED:
            return Look(EndpointState.CLOSED)
        return Look(EndpointState.HALF_OPEN)

    def parked(self, now: float, chance: float) -> Outcome:
        """The end of a request that cannot wait here."""
        seconds = self.park_seconds(now, chance)
        return Outcome(parked_seconds=seconds, disabled=self.disabled_since is not None)

    def park_seconds(self, now: float, chance: float) -> float:
        """For how long a request that cannot wait here goes back to the queue.

        Open, paused or disabled: until that ends, spread over the time after it. Otherwise as long
        as the stall has lasted, 1 to 10 s, jittered, so that it is asked for again ever more
        rarely.
        """
        shut = self.shut_seconds(now)
        if shut:
            return shut + chance * min(MAX_PARK_SECONDS, MIN_PARK_SECONDS + shut / 2)
        wanted = max(self._stalled_for, MIN_PARK_SECONDS) * (0.75 + 0.5 * chance)
        return min(max(wanted, MIN_PARK_SECONDS), MAX_PARK_SECONDS)

    @property
    def stalled(self) -> bool:
        """Whether requests wait and nothing has ended for longer than ``STALL_SECONDS``."""
        return self._stalled_for > STALL_SECONDS

    def may_wait(self) -> bool:
        """Whether one more request may wait here: always, unless the lane makes no progress."""
        if not self.stalled and self.breaker.state is EndpointState.CLOSED:
            return True
        return len(self.waiting) < HOLD

    def watch(self, elapsed_seconds: float) -> int:
        """Look for a stall; called regularly while requests wait.

        Args:
            elapsed_seconds: Since the last look, less what this process itself stood still.

        Returns:
            How many of those waiting longest in vain are to be parked, from the end of ``waiting``.
        """
        if self.ended_count != self._seen or not self.waiting:
            self._seen = self.ended_count
            self._stalled_for = 0.0
            return 0
        self._stalled_for += elapsed_seconds
        return max(0, len(self.waiting) - HOLD) if self.stalled else 0

    def clean(self, now: float) -> bool:
        """Whether nothing is remembered that a new lane would not know."""
        return (
            not self.waiting
            and not self.busy
            and now >= self._paused_until
            and self.disabled_since is None
            and self.breaker.clean(now)
        )

    # Inside

    def _recover(self, now: float) -> None:
        if now >= self._paused_until:
            self._pauses = 0
        shut = now < self._paused_until or self.disabled_since is not None
        if self.breaker.state is not EndpointState.CLOSED or shut:
            return
        self.limit = min(self.limit + 1, self.cap)
        self.calm = self.limit == self.cap

    def _pause(self, retry_after_seconds: float | None, now: float, chance: float) -> None:
        if retry_after_seconds is None:
            if now < self._paused_until:
                return  # one of several refused at the same time
            wanted = min(_PAUSE_BASE_SECONDS * 2**self._pauses, _PAUSE_CAP_SECONDS)
            retry_after_seconds = wanted * (1 + chance / 2)
            self._pauses = min(self._pauses + 1, 16)
        until = now + min(retry_after_seconds, MAX_PAUSE_SECONDS)
        self._paused_until = max(self._paused_until, until)
        self._set_limit(now)

    def _set_limit(self, now: float) -> None:
        """Set ``limit`` after a change: none when shut, one to look, one and growing afterwards."""
        state = self.breaker.state
        shut = now < self._paused_until or self.disabled_since is not None
        if state is EndpointState.OPEN or shut:
            self.limit, self.calm = 0, False
        elif state is EndpointState.HALF_OPEN or not self.limit:
            self.limit, self.calm = 1, self.cap == 1 and state is EndpointState.CLOSED
