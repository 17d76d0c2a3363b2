"""The worker's counting: what is settled, what the engine does, and the meter of its requests."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sockq.drivers.job import Ack, Dead, Release, Retry, Settlement
from sockq.workers import board
from sockq.workers.board import SlotWriter
from sockq.workers.dead_reasons import INVALID_JOB, POISON, TAMPERED, UNKNOWN_APP
from sockq.workers.engine import Engine
from sockq.workers.meter import Meter

#: How a reason begins, and the word that counts such dead letters.
_DEAD_KINDS = (
    (INVALID_JOB, board.DEAD_INVALID),
    (TAMPERED, board.DEAD_TAMPERED),
    (UNKNOWN_APP, board.DEAD_UNKNOWN_APP),
    (POISON, board.DEAD_POISON),
)


class Tally:
    """Keeps the slot's counters and the engine's gauges.

    Attributes:
        meter: Where deliveries count their requests.
    """

    def __init__(self, slot: SlotWriter, engine: Engine, in_flight_limit: int) -> None:
        self.meter = Meter(slot)
        self._words = words = slot.words
        self._engine = engine
        self._opened_before = words[board.CONNECTIONS_OPENED]
        self._reused_before = words[board.CONNECTIONS_REUSED]
        self._attempts_before = words[board.ATTEMPTS]
        words[board.IN_FLIGHT_LIMIT] = in_flight_limit

    def settled(
        self, batch: Sequence[Settlement], results: Sequence[bool], filtered: set[str]
    ) -> None:
        """Count settlements that the backend has answered for.

        Args:
            batch: What was settled.
            results: For each, whether the lease was still ours.
            filtered: Receipts of jobs that owed nobody anything; those settled are taken out.
        """
        words = self._words
        kinds = [type(settlement) for settlement in batch]
        lost = empty = 0
        if not all(results):
            kinds = [kind for kind, ours in zip(kinds, results, strict=True) if ours]
            lost = len(batch) - len(kinds)
        counts = {kind: kinds.count(kind) for kind in (Ack, Retry, Dead, Release)}
        if counts[Dead] or filtered:  # seldom: looked at once more
            for settlement, ours in zip(batch, results, strict=True):
                if ours and isinstance(settlement, Dead):
                    self._dead(settlement)
                elif settlement.lease.receipt in filtered:
                    filtered.discard(settlement.lease.receipt)
                    empty += ours and isinstance(settlement, Ack)
        words[board.SETTLED] += len(batch) - lost
        words[board.DELIVERED] += counts[Ack]
        words[board.JOBS_DELIVERED] += counts[Ack] - empty
        words[board.FILTERED] += empty
        words[board.RETRIED] += counts[Retry]
        words[board.DEAD] += counts[Dead]
        words[board.RELEASED] += counts[Release]
        words[board.LEASE_LOST] += lost
        self.meter.publish()

    def show(self) -> None:
        """Bring counters and the engine's gauges up to date."""
        words, engine = self._words, self._engine
        self.meter.publish()
        words[board.WAITING] = engine.waiting
        words[board.SENDING] = engine.in_flight
        words[board.CONNECTIONS_OPEN] = len(engine.connections)
        words[board.CONNECTIONS_OPENED] = self._opened_before + engine.opened_count
        found_open = self.meter.attempts - self._attempts_before - engine.fresh_count
        words[board.CONNECTIONS_REUSED] = self._reused_before + max(0, found_open)
        deadline = engine.oldest_deadline
        words[board.OLDEST_DEADLINE_NS] = 0 if deadline is None else int(deadline * 1e9)

    def show_endpoints(self) -> None:
        """Write the table of endpoints."""
        self.meter.show_endpoints(self._engine.lanes, time.monotonic())

    def _dead(self, dead: Dead) -> None:
        kinds = (word for beginning, word in _DEAD_KINDS if dead.reason.startswith(beginning))
        self._words[next(kinds, board.DEAD_UNDELIVERED)] += 1
