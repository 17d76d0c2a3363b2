"""What a worker knows of one endpoint, as counters; and the row that shows it to others."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from sockq.workers.apps import Webhook
from sockq.workers.endpoint_state import EndpointState
from sockq.workers.outcome import Outcome
from sockq.workers.outcome_classes import SENDING_BOUNDS

#: Name and label of everything beyond the rows that a table has.
OTHER: Final = "other"
_APP_CHARACTERS: Final = 40
LABEL_CHARACTERS: Final = 120
#: Failures that an endpoint's row remembers, and how much of what a fault said.
MOST_FAILURES: Final = 20
_DETAIL_CHARACTERS: Final = 60


class Failure(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One request that was no success.

    Attributes:
        at_ms: Unix time of its end.
        what: Status, or fault and the beginning of what the system said of it.
        ms: How long it took.
        attempt: Which try of its target it was, from 1.
    """

    at_ms: int
    what: str
    ms: int
    attempt: int


class EndpointRow(msgspec.Struct, array_like=True, gc=False):
    """One endpoint of one app, as a worker sees it. Counters are of all processes of its slot.

    Attributes:
        id: ``APP_ID/8 hex digits`` of the URL's hash: a label that is bounded and hides the URL.
        app: Id of the app.
        label: Where it is, safe to show: no credentials, no query.
        state: An ``EndpointState``; ``disabled`` only in the fleet's row.
        shut_seconds: For how much longer it is open or paused.
        limit: Requests at once that are allowed now.
        in_flight: Requests on the wire now.
        waiting: Requests that wait for their turn in the worker's memory.
        failures_in_a_row: Since the last success.
        failed: Ended exchanges that were no success.
        retried: Of these, those after which another try was decided.
        given_up: Of these, those after which none was.
        parked: Requests that went back to the queue unsent, because the lane was shut or stalled.
        seconds: Sum of the durations of all exchanges.
        buckets: Ended exchanges by duration, within ``SENDING_BOUNDS``, and beyond.
        classes: Exchanges that failed, by class (``outcome_classes.CLASSES``).
        last: What came back when it failed last (``status 503``, ``timeout``), or empty.
        last_success_ms: Unix time, to half a second; 0: never.
        last_failure_ms: The same.
        recent: The last failures, oldest first.
    """

    id: str
    app: str
    label: str
    state: str = EndpointState.CLOSED
    shut_seconds: float = 0.0
    limit: int = 0
    in_flight: int = 0
    waiting: int = 0
    failures_in_a_row: int = 0
    failed: int = 0
    retried: int = 0
    given_up: int = 0
    parked: int = 0
    seconds: float = 0.0
    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(SENDING_BOUNDS) + 1))
    classes: dict[str, int] = msgspec.field(default_factory=dict)
    last: str = ""
    last_success_ms: int = 0
    last_failure_ms: int = 0
    recent: list[Failure] = []

    def note(self, outcome: Outcome, attempt: int) -> None:
        """Remember a failure that was counted just now."""
        what = outcome.reason
        if outcome.fault is not None and outcome.detail:  # of an answer, only the log says more
            what = f"{what}: {outcome.detail[:_DETAIL_CHARACTERS]}"
        ms = round(outcome.elapsed_seconds * 1000)
        self.recent.append(Failure(self.last_failure_ms, what, ms, attempt))
        del self.recent[:-MOST_FAILURES]

    @property
    def attempts(self) -> int:
        """Ended exchanges."""
        return sum(self.buckets)


def row_of(webhook: Webhook, app_id: str) -> EndpointRow:
    """A new row for the target of a webhook."""
    id_ = id_of(webhook, app_id)
    return EndpointRow(id_, id_.rpartition("/")[0], webhook.label[:LABEL_CHARACTERS])


def id_of(webhook: Webhook, app_id: str) -> str:
    """The ``id`` of the row for the target of a webhook."""
    endpoint = webhook.endpoint
    return row_id(app_id, webhook.lane if endpoint is None else endpoint.url_key)


def row_id(app_id: str, identity: str) -> str:
    """The ``id`` of a row.

    Args:
        app_id: Id of the app.
        identity: ``Endpoint.url_key``; of a function, its lane.
    """
    app = "".join(c if c.isprintable() else "?" for c in app_id[:_APP_CHARACTERS])
    return f"{app}/{sha256(identity.encode()).hexdigest()[:8]}"
