"""Where each job is: what was accepted against what arrived, died, or still waits."""

from __future__ import annotations

from collections.abc import Sequence

from support.chaos.history import History, Interruption
from support.chaos.inspection import Inspection
from support.chaos.producer import Producer, endpoint_of
from support.chaos.receiver import RecordingReceiver
from support.chaos.watched import WatchedFleet
from support.chaos.writers import group_of
from support.until import until


class Ledger:
    """Of one run.

    Args:
        producer: Knows what was accepted.
        receiver: Knows what arrived.
        fleet: Works.
        inspection: Looks into the backend.
        fifo: The jobs are in groups, in order.
    """

    def __init__(
        self,
        producer: Producer,
        receiver: RecordingReceiver,
        fleet: WatchedFleet,
        inspection: Inspection,
        *,
        fifo: bool,
    ) -> None:
        self.inspection = inspection
        self._producer = producer
        self._receiver = receiver
        self._fleet = fleet
        self._fifo = fifo
        self._dead: list[tuple[str, str]] = []
        self._queued: list[str] = []

    def settle(self, within: float) -> None:
        """Wait until every accepted job is delivered or dead, and the queue is empty."""
        until(self._all_ended, within=within, explain=self._missing)
        until(self._empty, within=within, explain=lambda: str(self.inspection.counts()))

    def read_dead(self) -> list[tuple[str, str]]:
        """Look at the dead letters: name and reason of each."""
        self._dead = self.inspection.dead()
        return self._dead

    def still_queued(self) -> dict[str, int]:
        """After a fleet's end: what it left in the queue, and each one's coming attempt.

        The jobs count as waiting from now on; start no fleet on them any more.
        """
        left = self.inspection.left()
        self._queued = list(left)
        return left

    def history(self, interruptions: Sequence[Interruption]) -> History:
        """What is known of the jobs now."""
        accepted = dict(self._producer.accepted)
        return History(
            accepted,
            list(self._receiver.read()),
            list(self._dead),
            list(self._queued),
            frozenset(self._producer.uncertain),
            list(interruptions),
            {name: group_of(name) for name in accepted} if self._fifo else {},
            {name: endpoint_of(name) for name in (*accepted, *self._producer.uncertain)},
        )

    def _all_ended(self) -> bool:
        missing = self._producer.accepted.keys() - self._receiver.delivered()
        if missing and len(self._dead) != (self._fleet.status().get("queue") or {}).get("dead"):
            self.read_dead()
        return not missing - {name for name, _ in self._dead}

    def _missing(self) -> str:
        missing = self._producer.accepted.keys() - self._receiver.delivered()
        told = f"{len(missing)} missing, {self.inspection.counts()} in the queue: "
        return told + ", ".join(sorted(missing)[:10]) + "\n" + self._fleet.log()

    def _empty(self) -> bool:
        counts = self.inspection.counts()
        return not (counts["ready"] or counts["leased"] or counts["delayed"])
