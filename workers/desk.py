"""What the jobs of one source share in a worker: how they are settled, counted and told."""

from __future__ import annotations

from collections.abc import Callable

from sockq.drivers.job import Dead, Lease, Settlement
from sockq.workers.journal import Journal
from sockq.workers.meter import Meter
from sockq.workers.settler import Settler
from sockq.workers.worker_log import WorkerLog


class Desk:
    """What all jobs of one source share in a worker.

    Attributes:
        add: Settles a job (``Settler.add``).
        settler: Of the source.
        words: The worker's slot of the board.
        journal: What the worker holds, on the board.
        meter: Where the ends of requests are counted.
        log: Where they are told.
        share: Of the requests that succeed, how many are told; 0: none.
        queue: Name of the source.
        survives: Crashes that a job which is tried here has outlived; see ``JobState``.
    """

    __slots__ = (
        "add", "journal", "log", "meter", "queue", "settler", "share", "survives", "words",
    )  # fmt: skip

    def __init__(
        self,
        settler: Settler,
        words: memoryview,
        meter: Meter,
        log: WorkerLog,
        queue: str,
        journal: Journal,
    ) -> None:
        self.add: Callable[[Settlement], None] = settler.add
        self.settler = settler
        self.words = words
        self.meter = meter
        self.log = log
        self.share = log.attempts.share
        self.queue = queue
        self.journal = journal
        self.survives = 0

    def end(self, settlement: Settlement) -> None:
        """Settle a job; of a dead letter the log tells."""
        if isinstance(settlement, Dead):
            self.log.dead(settlement)
        self.add(settlement)

    def alone(self, lease: Lease, ended: Callable[[Settlement], None]) -> Desk:
        """The same for a job that runs alone: ``ended`` is told of its settlement."""
        desk = Desk(self.settler, self.words, self.meter, self.log, self.queue, self.journal)
        desk.survives = lease.crashes

        def add(settlement: Settlement) -> None:
            self.add(settlement)
            ended(settlement)

        desk.add = add
        return desk
