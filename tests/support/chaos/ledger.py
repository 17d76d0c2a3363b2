"""Where each job is: what was accepted against what arrived, died, or still waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from support.chaos.history import History, Interruption
from support.chaos.inspection import Inspection, Left
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
        self._left: Left | None = None

    def settle(self, within: float) -> None:
        """Wait until every accepted job is delivered or dead, and the queue is empty."""
        until(self._all_ended, within=within, explain=self._missing)
        until(self._empty, within=within, explain=lambda: str(self.inspection.counts()))

    def read_dead(self) -> list[tuple[str, str]]:
        """Look at the dead letters: name and reason of each."""
        self._dead = self.inspection.dead()
        return self._dead

    def still_queued(self) -> list[tuple[str, int]]:
        """After a fleet's end: what it left in the queue, and each one's coming attempt.

        The jobs count as waiting from now on; start no fleet on them any more. Asked again it says
        the same.
        """
        return self._look_back().jobs

    def find_held(self) -> list[str]:
        """After a fleet's end: it holds no job; its dead letters and waiting jobs are noted."""
        self.read_dead()
        held = self._look_back().held
        return [f"A: after the end {held} jobs are leased"] if held else []

    def _look_back(self) -> Left:
        if self._left is None:
            self._left = self.inspection.left()
        return self._left

    def history(self, interruptions: Sequence[Interruption]) -> History:
        """What is known of the jobs now; what the parent found on the board counts, if it did."""
        ends = self._fleet.events("process-ended")
        held = {end["pid"]: int(end.get("held") or 0) for end in ends}
        accepted = dict(self._producer.accepted)
        return History(
            accepted,
            list(self._receiver.read()),
            list(self._dead),
            [name for name, _ in self._left.jobs] if self._left is not None else [],
            frozenset(self._producer.uncertain),
            [replace(one, in_flight=held.get(one.pid, one.in_flight)) for one in interruptions],
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
