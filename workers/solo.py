"""Jobs that were in the hands of a worker that died: each runs alone, so that it shows what it is.

While one runs, nothing else happens in this worker that could be what kills it: nothing is begun,
answers to what is on the wire are left unread (the system keeps them), and no thread is at work for
another job. Between two of them ordinary work has its turn, at least as long as they had.

    IDLE --a suspect--> CLEARING --threads are through--> RUNNING --half a second used--> RESTING
    RESTING --as long--> CLEARING …, or IDLE when no suspect is left
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

from sockq.drivers.job import Dead, Lease, Release
from sockq.drivers.source import Dialect
from sockq.workers import board
from sockq.workers.deaths import Deaths
from sockq.workers.delivery import Delivery
from sockq.workers.desk import Desk
from sockq.workers.journal import Journal, job_key
from sockq.workers.request import Request
from sockq.workers.senders import Senders
from sockq.workers.suspects import Alone, Poison, judge
from sockq.workers.target_state import survived
from sockq.workers.worker_log import WorkerLog

#: An answer that takes longer lets ordinary work go on, unless the job has two crashes already.
ALONE_SECONDS: Final = 1.0
#: With two it stays alone until it has ended; a guard, longer than a request may take by default.
STRICT_SECONDS: Final = 120.0
#: Suspects have this long in turn; one that is under way has ``ALONE_SECONDS``.
TURN_SECONDS: Final = 0.5
#: Ordinary work has as long as they had, within these.
LEAST_REST_SECONDS: Final = 0.5
MOST_REST_SECONDS: Final = 5.0
#: Threads at work for other jobs are waited for this long; every third time until they are through.
CLEAR_SECONDS: Final = 1.0
_CLEAR_TRIES: Final = 3
_POLL_SECONDS: Final = 0.01
#: Suspects of one endpoint that may wait for slow answers; more go back to the queue for a while.
_SLOW_OF_ENDPOINT: Final = 2
_SLOW_SECONDS: Final = 5.0

Begin = Callable[[Dialect, Desk, Lease], None]
Claimed = tuple[Dialect, Desk, Lease]


class SoloState(Enum):
    """What happens now."""

    IDLE = auto()
    CLEARING = auto()
    RUNNING = auto()
    RESTING = auto()


class Solo:
    """Runs suspects.

    Args:
        engine: Carries the requests of all jobs.
        begin: Starts the work on a job.
        busy_threads: How many threads are at work for jobs, those of ``engine`` apart.
        hold: Called with True to have nothing claimed for a moment, with False when that is over.
        journal: What the worker holds, on the board.
        deaths: How workers died lately; None: nobody keeps that.
        words: The worker's slot of the board.
        log: Where events go.

    Attributes:
        state: What happens now.
    """

    def __init__(
        self,
        engine: Senders,
        begin: Begin,
        busy_threads: Callable[[], int],
        hold: Callable[[bool], None],
        journal: Journal,
        deaths: Deaths | None,
        words: memoryview,
        log: WorkerLog,
    ) -> None:
        self.state = SoloState.IDLE
        self._engine = engine
        self._begin = begin
        self._busy_threads = busy_threads
        self._hold = hold
        self._journal = journal
        self._deaths = deaths
        self._words = words
        self._log = log
        self._suspects: deque[Claimed] = deque()
        self._later: deque[Claimed] = deque()
        self._shelf: list[Request] = []
        self._current: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began_at = 0.0
        self._clear_tries = 0

    @property
    def holds(self) -> bool:
        """Whether ordinary jobs have to wait now (``wait``)."""
        return self.state in (SoloState.CLEARING, SoloState.RUNNING)

    @property
    def suspects(self) -> int:
        """Suspects that wait, or run alone."""
        return len(self._suspects) + (self._current is not None)

    def wait(self, dialect: Dialect, desk: Desk, lease: Lease) -> None:
        """Keep an ordinary job until its turn."""
        self._later.append((dialect, desk, lease))

    def add(self, dialect: Dialect, desk: Desk, lease: Lease) -> None:
        """Take a job with crashes."""
        if not self.holds and self._judge(desk, lease) is None:
            self._begin(dialect, desk, lease)
            return
        self._suspects.append((dialect, desk, lease))
        self._show()
        if self.state is SoloState.IDLE:
            self._clear()

    def stop(self) -> list[Request]:
        """The worker drains: everything that waits here goes back to the queue.

        Returns:
            Requests of ordinary jobs that were kept from being sent.
        """
        self._cancel_timer()
        left = [*self._suspects, *self._later]
        self._suspects.clear()
        self._later.clear()
        shelf, self._shelf = self._shelf, []
        self._current = None
        self.state = SoloState.IDLE
        self._journal.in_company()
        self._engine.unmute()
        for _, desk, lease in left:
            desk.add(Release(lease))
        self._show()
        return shelf

    # Turns

    def _clear(self) -> None:
        """Begin nothing any more, and wait for the threads."""
        self.state = SoloState.CLEARING
        self._began_at = time.monotonic()
        self._hold(True)  # noqa: FBT003 - one meaning
        self._shelf += self._engine.take_waiting()
        self._cleared()

    def _cleared(self) -> None:
        self._timer = None
        if not self._threads:
            self._clear_tries = 0
            self.state = SoloState.RUNNING
            self._log.suspects(len(self._suspects))
            self._next()
            return
        waited = time.monotonic() - self._began_at
        if waited >= CLEAR_SECONDS and self._clear_tries + 1 < _CLEAR_TRIES:
            self._clear_tries += 1
            self._rest()
            return
        self._after(_POLL_SECONDS, self._cleared)

    def _next(self) -> None:
        """Run one suspect after the other, while there are some and it is their turn."""
        while self._current is None and self.state is SoloState.RUNNING:
            over = time.monotonic() - self._began_at >= TURN_SECONDS
            if over or not self._suspects or self._threads:  # the last one's may be at work still
                self._rest()
                return
            dialect, desk, lease = self._suspects.popleft()
            try:
                self._run(dialect, desk, lease)
            except Exception as error:  # a fault of ours: the others must not wait for ever
                self._log.internal_error(lease, error)
                self._current = None
                self._journal.in_company()
                desk.add(Release(lease, delay_seconds=_SLOW_SECONDS))
        self._show()

    def _run(self, dialect: Dialect, desk: Desk, lease: Lease) -> None:
        verdict = self._judge(desk, lease)
        if verdict is None:
            self._later.append((dialect, desk, lease))
            return
        if isinstance(verdict, Poison):
            self._words[board.POISON_NS] = time.monotonic_ns()
            desk.end(Dead(lease, verdict.reason, lease.state))
            return
        self._engine.mute()
        self._current = receipt = lease.receipt
        self._journal.alone(job_key(desk.queue, lease.id), lease.crashes)
        most = STRICT_SECONDS if verdict.strict else ALONE_SECONDS
        self._after(most, lambda: self._over(receipt))
        alone = desk.alone(lease, lambda settlement: self._over(settlement.lease.receipt))
        self._begin(dialect, alone, lease)
        self._journal.hands_empty()

    def _judge(self, desk: Desk, lease: Lease) -> Alone | Poison | None:
        deaths = () if self._deaths is None else self._deaths.read()
        key = job_key(desk.queue, lease.id)
        return judge(key, lease.id, lease.crashes, survived(lease.state), deaths)

    def _over(self, receipt: str) -> None:
        """It has ended, or took so long that the rest of its way it is a job as any other."""
        if receipt == self._current:
            self._cancel_timer()
            self._current = None
            self._journal.in_company()
            # Not from within: its end may come while it is being begun.
            asyncio.get_running_loop().call_soon(self._next)

    def _rest(self) -> None:
        """Ordinary work has its turn."""
        used = time.monotonic() - self._began_at
        self.state = SoloState.RESTING
        self._engine.unmute()
        shelf, self._shelf = self._shelf, []
        for request in shelf:
            self._engine.submit(request)
        later, self._later = self._later, deque()
        for claimed in later:
            self._begin(*claimed)
        self._journal.hands_empty()
        self._hold(False)  # noqa: FBT003
        self._show()
        if self._suspects:
            self._after(min(max(used, LEAST_REST_SECONDS), MOST_REST_SECONDS), self._rested)
        else:
            self.state = SoloState.IDLE

    def _rested(self) -> None:
        self._timer = None
        if self._suspects:
            self._clear()
        else:
            self.state = SoloState.IDLE

    # For the dispatcher

    def submit(self, request: Delivery) -> bool:
        """Send a request of the job that runs alone, past what waits for its endpoint.

        A lane of its own: that of the others is full of what is not read now. False: it has to go
        the way of all, because its endpoint is shut, or slow for other suspects.
        """
        lane = self._engine.lanes.get(request.lane)
        if lane is not None and lane.shut_seconds(time.monotonic()):
            return False
        request.lane += " alone"
        self._engine.submit(request)
        return True

    def too_slow(self, requests: Sequence[Delivery]) -> float:
        """Seconds that a suspect goes back for, because others wait for its endpoint; or 0."""
        lanes = self._engine.lanes
        slow = (lanes.get(f"{request.lane} alone") for request in requests)
        full = any(lane is not None and lane.busy >= _SLOW_OF_ENDPOINT for lane in slow)
        return _SLOW_SECONDS if full else 0.0

    def runs(self, lease: Lease) -> bool:
        """Whether this job runs alone now."""
        return lease.receipt == self._current

    # Inside

    @property
    def _threads(self) -> int:
        return self._engine.in_threads + self._busy_threads()

    def _show(self) -> None:
        self._words[board.SUSPECTS] = self.suspects

    def _after(self, seconds: float, then: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
