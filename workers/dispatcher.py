"""From a claimed job to the requests that the engine carries: parse, look up, plan, submit.

Everything here is done at once, from the claim: a job has no task of its own unless its app must
be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sockq.drivers.job import Dead, Lease, Release
from sockq.drivers.source import Dialect
from sockq.workers import board
from sockq.workers.app_directory import AppDirectory
from sockq.workers.app_look_up import LookUps
from sockq.workers.apps import App
from sockq.workers.board import SlotWriter
from sockq.workers.dead_reasons import INVALID_JOB, TAMPERED
from sockq.workers.deaths import Deaths
from sockq.workers.delivery import Delivery, JobRun
from sockq.workers.desk import Desk
from sockq.workers.dialect import parse
from sockq.workers.job_secret import without_secret
from sockq.workers.journal import Journal
from sockq.workers.own_fault import own_fault
from sockq.workers.plan import plan
from sockq.workers.senders import Senders
from sockq.workers.settler import Settler
from sockq.workers.signing import verify
from sockq.workers.solo import Solo
from sockq.workers.target_state import JobState, decode
from sockq.workers.unix_clock import unix_ms
from sockq.workers.webhook_job import Invalid, WebhookJob
from sockq.workers.worker_log import WorkerLog


class Dispatcher:
    """Starts jobs.

    Args:
        apps: Where apps are looked up.
        grace_seconds: How long a job of an unknown app waits for that app to appear.
        engine: Carries the requests.
        slot: The worker's part of the board.
        log: Where events go.
        journal: What the worker holds, on the board.
        deaths: How workers died lately; None: nobody keeps that.
        hold: Called with True to have nothing claimed for a moment, with False afterwards.

    Attributes:
        draining: True: what comes in goes back untouched.
        filtered: Receipts of jobs that owe nobody anything, until they are settled.
        look_ups: Jobs that wait for their app.
        solo: Jobs that have to run alone.
    """

    def __init__(
        self,
        apps: AppDirectory,
        grace_seconds: float,
        engine: Senders,
        slot: SlotWriter,
        log: WorkerLog,
        journal: Journal,
        deaths: Deaths | None,
        hold: Callable[[bool], None],
    ) -> None:
        self.draining = False
        self.filtered: set[str] = set()
        self.look_ups = LookUps(apps, grace_seconds, self._dispatch, slot, log)
        self.solo = Solo(
            engine,
            self._begin,
            lambda: self.look_ups.pending,
            hold,
            journal,
            deaths,
            slot.words,
            log,
        )
        self._journal = journal
        self._apps = apps
        self._engine = engine
        self._words = slot.words
        self._log = log

    def start(
        self,
        dialect: Dialect,
        settler: Settler,
        desk: Desk,
        leases: Sequence[Lease],
        claimed_at: float,
    ) -> None:
        """Begin the work on what one claim brought.

        Args:
            dialect: How its payloads are to be read.
            settler: Of its source; keeps the leases alive.
            desk: Of its source.
            leases: What was claimed.
            claimed_at: When that was asked for; see ``Settler.hold``.
        """
        self._words[board.CLAIMED] += len(leases)
        settler.hold(leases, claimed_at)
        self._journal.hold(leases)
        solo = self.solo
        for lease in leases:
            if self.draining:
                desk.add(Release(lease))
            elif lease.crashes:
                solo.add(dialect, desk, lease)
            elif solo.holds:
                solo.wait(dialect, desk, lease)
            else:
                self._begin(dialect, desk, lease)
        self._journal.hands_empty()

    def _begin(self, dialect: Dialect, desk: Desk, lease: Lease) -> None:
        self._journal.at_hand(lease)
        try:
            self._open(dialect, desk, lease)
        except Exception as error:  # a fault of ours must not take the worker or the job
            self._log.internal_error(lease, error)
            desk.end(own_fault(lease, error, unix_ms()))

    def _open(self, dialect: Dialect, desk: Desk, lease: Lease) -> None:
        job = parse(lease.payload, dialect)
        if isinstance(job, Invalid):
            self._bury(desk, lease, f"{INVALID_JOB}: {job.reason}")
            return
        app = self._apps.peek(job.app_id, job.app_key)
        if app is not None:
            self._dispatch(desk, lease, job, app)
        else:
            self.look_ups.start(desk, lease, job)

    def _dispatch(self, desk: Desk, lease: Lease, job: WebhookJob, app: App) -> None:
        if job.proof is not None and not verify(app.secret, job.whole or b"", job.proof):
            self._bury(desk, lease, f"{TAMPERED}: the job's signature is not its app's")
            return
        state: JobState | None = None
        if lease.state:
            try:
                state = decode(lease.state)
            except ValueError as error:
                kept = without_secret(lease.payload, job, app)
                self._bury(desk, lease, str(error), kept)
                return
        run = JobRun(lease, job, app, state, desk)
        if self.draining:
            run.give_back()
            return
        owed = None if state is None else state.owed
        planned = plan(job, app, owed)
        if not planned and not owed:
            self.filtered.add(lease.receipt)
        deliveries = run.open(planned, 0 if state is None else unix_ms())
        if desk.survives and self.solo.runs(lease):
            self._send_alone(desk, lease, deliveries)
            return
        for delivery in deliveries:
            self._engine.submit(delivery)

    def _send_alone(self, desk: Desk, lease: Lease, deliveries: list[Delivery]) -> None:
        seconds = self.solo.too_slow(deliveries)
        if seconds:
            desk.add(Release(lease, delay_seconds=seconds))
            return
        for delivery in deliveries:
            if not self.solo.submit(delivery):
                self._engine.submit(delivery)

    def _bury(self, desk: Desk, lease: Lease, reason: str, payload: bytes | None = None) -> None:
        desk.end(Dead(lease, reason, lease.state, payload))
