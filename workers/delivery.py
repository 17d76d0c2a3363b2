"""A job under work: one request per target still owed, one settlement at the end."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from sockq.drivers.job import Ack, Dead, Lease, Release
from sockq.workers import board
from sockq.workers.apps import App, FunctionTarget, Webhook
from sockq.workers.delivery_id import delivery_id
from sockq.workers.dialect import WebhookJob
from sockq.workers.lambda_payload import wrapped
from sockq.workers.meter import Meter
from sockq.workers.outcome import Outcome
from sockq.workers.plan import Planned
from sockq.workers.request import Request
from sockq.workers.retry import Decision, Delivered, GiveUp, decide, is_refusal
from sockq.workers.settler import Settler
from sockq.workers.signing import signer_for
from sockq.workers.target_state import JobState, TargetState
from sockq.workers.verdict import NotDue, TargetResult, Unsent, conclude
from sockq.workers.worker_log import WorkerLog

_DELIVERED: Final = Delivered()
_UNSENT: Final = Unsent()


class Delivery(Request):
    """One signed webhook on its way to one target."""

    __slots__ = ("_before", "_body", "_run", "webhook")

    def __init__(
        self, run: JobRun, webhook: Webhook, body: bytes, before: TargetState | None
    ) -> None:
        self.endpoint = webhook.endpoint  # type: ignore[assignment]  # a Call has none
        self.lane = webhook.lane
        self.timeout_seconds = webhook.timeout_seconds
        self.webhook = webhook
        self._run = run
        self._body = body
        self._before = before

    def wire_bytes(self) -> bytes:
        """Sign exactly what is sent; nothing is signed that is not sent."""
        run = self._run
        body = self._body
        before = self._before
        run.words[board.ATTEMPTS] += 1
        run.words[board.BYTES_OUT] += len(body)
        return (
            b"%bX-Pusher-Key: %b\r\nX-Pusher-Signature: %b\r\nX-Sockq-Delivery-Id: %b\r\n"
            b"X-Sockq-Attempt: %d\r\nContent-Length: %d\r\n\r\n%b"
        ) % (
            self.endpoint.static_head,
            run.key_bytes,
            signer_for(run.secret).sign(body),
            delivery_id(run.lease.id, self.webhook.target_id),
            1 if before is None else before.attempts + 1,
            len(body),
            body,
        )

    def done(self, outcome: Outcome) -> None:
        """Take the outcome; the last one of a job settles it."""
        run = self._run
        if 200 <= outcome.status < 300:  # noqa: PLR2004 - success is any 2xx
            before = self._before
            count = run.meter.delivered
            if before is not None and before.attempts:
                count = run.meter.delivered_later
            count(self.webhook, run.job.app_id, outcome.elapsed_seconds, run.job.time_ms)
            run.result(self.webhook, TargetResult(_DELIVERED, None))
            return
        now_ms = time.time_ns() // 1_000_000
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
        self._count(outcome, decision, after)
        run.result(self.webhook, TargetResult(decision, after))

    def _count(self, outcome: Outcome, decision: Decision, after: TargetState) -> None:
        run = self._run
        if outcome.parked_seconds:
            run.meter.parked(self.webhook, run.job.app_id)
            return
        run.words[board.FAILED] += 1
        run.log.attempt_failed(run.lease, self.webhook.label, outcome, after.attempts)
        row = run.meter.failed(
            self.webhook,
            run.job.app_id,
            outcome,
            first=after.attempts == 1,
            time_ms=run.job.time_ms,
        )
        if isinstance(decision, GiveUp):
            row.given_up += 1
        else:
            row.retried += 1

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
            attempt = 1 if self._before is None else self._before.attempts + 1
            proof = {
                "X-Pusher-Key": run.job.app_key,
                "X-Pusher-Signature": signer_for(run.secret).sign(payload).decode(),
                "X-Sockq-Delivery-Id": delivery_id(run.lease.id, self.webhook.target_id).decode(),
                "X-Sockq-Attempt": str(attempt),
            }
            payload = wrapped(payload, self.function, proof)
        run.words[board.ATTEMPTS] += 1
        run.words[board.BYTES_OUT] += len(payload)
        return payload


def _make(run: JobRun, webhook: Webhook, body: bytes, before: TargetState | None) -> Delivery:
    kind = Call if webhook.endpoint is None else Delivery
    return kind(run, webhook, body, before)


class JobRun:
    """One leased job between its plan and its settlement.

    Attributes:
        lease: The claim.
        job: The parsed job.
        owed: Targets still owed, or None for all that match.
        words: The worker's slot of the board.
        meter: Where the ends of requests are counted.
        log: Where they are told.
    """

    __slots__ = (
        "_app", "_open", "_results", "_settler", "_state",
        "job", "key_bytes", "lease", "log", "meter", "owed", "secret", "words",
    )  # fmt: skip

    def __init__(
        self,
        lease: Lease,
        job: WebhookJob,
        app: App,
        state: JobState | None,
        settler: Settler,
        words: memoryview,
        meter: Meter,
        log: WorkerLog,
    ) -> None:
        self.lease = lease
        self.job = job
        self.owed = None if state is None else state.owed
        self.secret = app.secret if job.app_secret is None else job.app_secret
        self.key_bytes = job.app_key.encode()
        self.words = words
        self.meter = meter
        self.log = log
        self._app = app
        self._state = state
        self._settler = settler
        self._results: dict[str, TargetResult] | None = None
        self._open = 0

    def open(self, planned: Sequence[Planned], now_ms: int) -> list[Delivery]:
        """Make the deliveries that are due; a job without any is settled at once."""
        state = self._state
        if state is None and len(planned) == 1:
            self._open = 1
            return [_make(self, planned[0].webhook, planned[0].body, None)]
        due: list[Delivery] = []
        self._results = results = {}
        known = {} if state is None else state.targets
        for plan in planned:
            webhook = plan.webhook
            before = known.get(webhook.target_id)
            if before is not None and before.due_ms > now_ms:
                wait_seconds = (before.due_ms - now_ms) / 1000
                results[webhook.target_id] = TargetResult(NotDue(wait_seconds), before)
            else:
                due.append(_make(self, webhook, plan.body, before))
        for target_id in (self.owed or frozenset()) - {p.webhook.target_id for p in planned}:
            reason = "the webhook that was still owed is no longer configured"
            results[target_id] = TargetResult(GiveUp(reason), known.get(target_id))
        self._open = len(due)
        if not due:
            self._conclude()
        return due

    def give_back(self) -> None:
        """Nothing was started: the job goes back as it came."""
        self._settler.add(Release(self.lease))

    def result(self, webhook: Webhook, result: TargetResult) -> None:
        """One target is through."""
        self._open -= 1
        if self._results is None:
            if result.decision is _DELIVERED:
                self._settler.add(Ack(self.lease))
                return
            self._results = {}
        self._results[webhook.target_id] = result
        if not self._open:
            self._conclude()

    def _conclude(self) -> None:
        assert self._results is not None
        now_ms = time.time_ns() // 1_000_000
        settlement = conclude(self.lease, self._state, self._results, now_ms)
        if isinstance(settlement, Dead):
            self.log.dead(settlement)
        self._settler.add(settlement)
