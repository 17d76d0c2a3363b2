"""A job under work: one request per target still owed, one settlement at the end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import msgspec

from sockq.drivers.job import Ack, Dead, Lease, Release
from sockq.workers import board
from sockq.workers.apps import App, FunctionTarget, Webhook
from sockq.workers.attempt_log import Attempt
from sockq.workers.delivery_id import delivery_id
from sockq.workers.desk import Desk
from sockq.workers.due import seconds_until_due
from sockq.workers.endpoint_stats import id_of
from sockq.workers.job_secret import without_secret
from sockq.workers.lambda_payload import wrapped
from sockq.workers.outcome import SUCCESS, Outcome
from sockq.workers.plan import Planned
from sockq.workers.request import Request
from sockq.workers.retry import Decision, Delivered, GiveUp, decide, is_refusal
from sockq.workers.signing import signer_for
from sockq.workers.target_state import JobState, TargetState
from sockq.workers.unix_clock import unix_ms
from sockq.workers.verdict import NotDue, TargetResult, Unsent, conclude
from sockq.workers.webhook_job import WebhookJob

_DELIVERED: Final = TargetResult(Delivered(), None)
_UNSENT: Final = Unsent()


class Delivery(Request):
    """One signed webhook on its way to one target.

    Attributes:
        webhook: The target.
        number: Which of its attempts this is, counted from 1.
    """

    __slots__ = ("_before", "_body", "_run", "number", "webhook")

    def __init__(
        self, run: JobRun, webhook: Webhook, body: bytes, before: TargetState | None
    ) -> None:
        if webhook.endpoint is not None:  # a Call has none
            self.endpoint = webhook.endpoint
        self.lane = webhook.lane
        self.timeout_seconds = webhook.timeout_seconds
        self.webhook = webhook
        self.number = 1 if before is None else before.attempts + 1
        self._run = run
        self._body = body
        self._before = before

    @property
    def endpoint_id(self) -> str:
        """As its row has it."""
        return id_of(self.webhook, self._run.job.app_id)

    @property
    def overtaken(self) -> bool:
        """Whether the lease may have ended: this process was frozen, or cut off."""
        run = self._run
        return not run.desk.settler.keeps(run.lease)

    def connecting(self) -> None:
        """See ``Request``."""
        self._run.desk.journal.begins(self._run.lease)

    def wire_bytes(self) -> bytes:
        """Sign exactly what is sent; nothing is signed that is not sent."""
        run = self._run
        body = self._body
        self._goes_out(len(body))
        return (
            b"%bX-Pusher-Key: %b\r\nX-Pusher-Signature: %b\r\nX-Sockq-Delivery-Id: %b\r\n"
            b"X-Sockq-Attempt: %d\r\nContent-Length: %d\r\n\r\n%b"
        ) % (
            self.endpoint.static_head,
            run.job.app_key.encode(),
            signer_for(run.secret).sign(body),
            delivery_id(run.lease.id, self.webhook.target_id),
            self.number,
            len(body),
            body,
        )

    def done(self, outcome: Outcome) -> None:
        """Take the outcome; the last one of a job settles it."""
        run = self._run
        if outcome.status in SUCCESS:
            before = self._before
            count = run.desk.meter.delivered
            if before is not None and before.attempts:
                count = run.desk.meter.delivered_later
            job = run.job
            count(self.webhook, job.app_id, outcome.elapsed_seconds, job.time_ms)
            if run.desk.share and random.random() < run.desk.share:  # noqa: S311 - a sample
                run.desk.log.attempts.delivered(self._attempt(outcome))
            if run.results is None:
                run.desk.add(Ack(run.lease))
            else:
                run.result(self.webhook, _DELIVERED)
            return
        now_ms = unix_ms()
        after = self._after(outcome, now_ms)
        decision = decide(
            outcome,
            self.webhook.retry,
            attempts=after.attempts,
            first_attempt_ms=after.first_attempt_ms,
            job_time_ms=run.job.time_ms,
            now_ms=now_ms,
            chance=random.random(),  # noqa: S311 - jitter
            refusals=after.refusals,
            first_refusal_ms=after.first_refusal_ms,
        )
        self._count(outcome, decision)
        run.result(self.webhook, TargetResult(decision, after))

    def _goes_out(self, size_bytes: int) -> None:
        run = self._run
        meter = run.desk.meter
        meter.attempts += 1
        meter.bytes_out += size_bytes
        run.desk.journal.sending(run.lease)

    def _count(self, outcome: Outcome, decision: Decision) -> None:
        run = self._run
        if outcome.parked_seconds:
            run.desk.meter.parked(self.webhook, run.job.app_id)
            return
        run.desk.words[board.FAILED] += 1
        run.desk.log.attempts.failed(self._attempt(outcome), decision)
        row = run.desk.meter.failed(
            self.webhook,
            run.job.app_id,
            outcome,
            attempt=self.number,
            time_ms=run.job.time_ms,
        )
        if isinstance(decision, GiveUp):
            row.given_up += 1
        else:
            row.retried += 1

    def _attempt(self, outcome: Outcome) -> Attempt:
        run = self._run
        return Attempt(
            job=run.lease.id,
            delivery=delivery_id(run.lease.id, self.webhook.target_id).decode(),
            app=run.job.app_id,
            queue=run.desk.queue,
            endpoint=self.webhook.label,
            number=self.number,
            age_ms=unix_ms() - run.job.time_ms,
            bytes_out=len(self._body),
            outcome=outcome,
        )

    def _after(self, outcome: Outcome, now_ms: int) -> TargetState:
        before = self._before or TargetState()
        began_ms = now_ms - int(outcome.elapsed_seconds * 1000)
        first_ms = before.first_attempt_ms or began_ms
        if outcome.parked_seconds:
            return msgspec.structs.replace(before, first_attempt_ms=first_ms)
        refused = is_refusal(outcome, self.webhook.retry)
        return TargetState(
            attempts=before.attempts + 1,
            first_attempt_ms=first_ms,
            refusals=before.refusals + refused,
            first_refusal_ms=before.first_refusal_ms or (now_ms if refused else 0),
            reason=outcome.reason,
            past_attempts=before.past_attempts,
            past_first_ms=before.past_first_ms,
        )

    def unsent(self) -> None:
        """The worker stops: this request goes back as it was."""
        self._run.result(self.webhook, TargetResult(_UNSENT, self._before))


class Call(Delivery):
    """The same for a Lambda function: ``lambda_calls.py`` sends it, the engine never meets it."""

    __slots__ = ()

    @property
    def function(self) -> FunctionTarget:
        """What is called."""
        assert self.webhook.function is not None
        return self.webhook.function

    def wire_bytes(self) -> bytes:
        """The payload: the body as it is (Sockudo), or wrapped with its headers (soketi)."""
        run = self._run
        payload = self._body
        if self.function.wrapped:
            proof = {
                "X-Pusher-Key": run.job.app_key,
                "X-Pusher-Signature": signer_for(run.secret).sign(payload).decode(),
                "X-Sockq-Delivery-Id": delivery_id(run.lease.id, self.webhook.target_id).decode(),
                "X-Sockq-Attempt": str(self.number),
            }
            payload = wrapped(payload, self.function, proof)
        self._goes_out(len(payload))
        return payload


class JobRun:
    """One leased job between its plan and its settlement.

    Attributes:
        lease: The claim.
        job: The parsed job.
        state: What it was claimed with; None: nothing was tried yet.
        desk: What it shares with the others of its source.
        results: By target id, as far as known; None while a single request decides alone.
    """

    __slots__ = ("_app", "_open", "desk", "job", "lease", "results", "state")

    def __init__(
        self, lease: Lease, job: WebhookJob, app: App, state: JobState | None, desk: Desk
    ) -> None:
        self.lease = lease
        self.job = job
        self.state = state
        self.desk = desk
        self.results: dict[str, TargetResult] | None = None
        self._app = app
        self._open = 1

    @property
    def owed(self) -> frozenset[str] | None:
        """Targets still owed, or None for all that match."""
        return None if self.state is None else self.state.owed

    @property
    def secret(self) -> str:
        """What signs: the job's own secret where its dialect carries one, else the app's."""
        own = self.job.app_secret
        return self._app.secret if own is None else own

    def open(self, planned: Sequence[Planned], now_ms: int) -> list[Delivery]:
        """Make the deliveries that are due; a job without any is settled at once."""
        if self.state is None and len(planned) == 1:
            return [self._delivery(planned[0], None)]
        due: list[Delivery] = []
        self.results = results = {}
        known = {} if self.state is None else self.state.targets
        for plan in planned:
            before = known.get(plan.webhook.target_id)
            wait_seconds = seconds_until_due(before, known, plan.webhook.retry, now_ms)
            if wait_seconds > 0:
                results[plan.webhook.target_id] = TargetResult(NotDue(wait_seconds), before)
            else:
                due.append(self._delivery(plan, before))
        for target_id in (self.owed or frozenset()) - {p.webhook.target_id for p in planned}:
            reason = "the webhook that was still owed is no longer configured"
            results[target_id] = TargetResult(GiveUp(reason), known.get(target_id))
        self._open = len(due)
        if not due:
            self._conclude()
        return due

    def _delivery(self, plan: Planned, before: TargetState | None) -> Delivery:
        kind = Call if plan.webhook.endpoint is None else Delivery
        return kind(self, plan.webhook, plan.body, before)

    def give_back(self) -> None:
        """Nothing was started: the job goes back as it came."""
        self.desk.add(Release(self.lease))

    def result(self, webhook: Webhook, result: TargetResult) -> None:
        """One target is through."""
        if self.results is None:
            self.results = {}
        self.results[webhook.target_id] = result
        self._open -= 1
        if not self._open:
            self._conclude()

    def _conclude(self) -> None:
        assert self.results is not None
        now_ms = unix_ms()
        settlement = conclude(self.lease, self.state, self.results, now_ms, self.desk.survives)
        if isinstance(settlement, Dead):
            kept = without_secret(self.lease.payload, self.job, self._app)
            settlement = msgspec.structs.replace(settlement, payload=kept)
        self.desk.end(settlement)
