"""Counts what becomes of requests: on the board's words, and for each endpoint.

Per request only plain lists and numbers change; ``publish`` copies them to the board with each
batch of settlements, ``show_endpoints`` the table of endpoints with the beat. What a killed worker
had not published is not counted: counters may lag, and never go back.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Final

from sockq.workers import board
from sockq.workers.apps import Webhook
from sockq.workers.board import SlotWriter
from sockq.workers.endpoint_state import SHUT, EndpointState
from sockq.workers.endpoint_stats import OTHER, EndpointRow, row_of
from sockq.workers.endpoint_table import MOST_ROWS, EndpointTable
from sockq.workers.lane import Lane
from sockq.workers.outcome import Outcome
from sockq.workers.outcome_classes import AGE_BOUNDS, CLASS_INDEX, CLASSES, SENDING_BOUNDS, class_of

_FIRST: Final = board.CLASSES_AT
_END: Final = board.END_TO_END_AT + len(AGE_BOUNDS) + 1
_SENDING: Final = board.SENDING_AT - _FIRST
_QUEUE_WAIT: Final = board.QUEUE_WAIT_AT - _FIRST
_END_TO_END: Final = board.END_TO_END_AT - _FIRST
_AGE_BOUNDS_MS: Final = tuple(bound * 1000 for bound in AGE_BOUNDS)
#: The bucket of each age that most jobs have.
_YOUNG_MS: Final = 4096
_YOUNG: Final = bytes(bisect_left(_AGE_BOUNDS_MS, ms) for ms in range(_YOUNG_MS))
#: Ages beyond are somebody's wrong clock; they count, but not so far.
_MOST_MS: Final = 86_400_000


class Meter:
    """The counters of one worker process; goes on where the slot's last process stopped.

    Attributes:
        attempts: Requests made; whoever makes one counts it.
        bytes_out: Bytes of their bodies.
    """

    __slots__ = (
        "_by_id",
        "_counts",
        "_end_to_end_ms",
        "_lanes",
        "_parked",
        "_seen",
        "_sending",
        "_table",
        "_wait_ms",
        "_words",
        "attempts",
        "bytes_out",
    )  # fmt: skip

    def __init__(self, slot: SlotWriter) -> None:
        words = slot.words
        self._words = words
        self.attempts = words[board.ATTEMPTS]
        self.bytes_out = words[board.BYTES_OUT]
        self._counts = words[_FIRST:_END].tolist()
        self._sending = words[board.SENDING_US] / 1e6
        self._wait_ms = words[board.QUEUE_WAIT_US] / 1e3
        self._end_to_end_ms = words[board.END_TO_END_US] / 1e3
        self._parked = words[board.PARKED]
        self._table = EndpointTable(slot.endpoints)
        self._by_id = {row.id: _at_rest(row) for row in self._table.left}
        self._lanes: dict[str, EndpointRow] = {}
        self._seen: dict[str, int] = {}

    # Told for each request

    def delivered(self, webhook: Webhook, app_id: str, seconds: float, time_ms: int) -> None:
        """A request was a success at its first attempt; ``time_ms`` is the job's."""
        age_ms = time.time_ns() // 1_000_000 - time_ms
        if not 0 <= age_ms <= _MOST_MS:
            age_ms = min(max(age_ms, 0), _MOST_MS)
        wait_ms = age_ms - seconds * 1000
        counts = self._counts
        bucket = bisect_left(SENDING_BOUNDS, seconds)
        counts[_SENDING + bucket] += 1  # and no class: ``publish`` finds it
        older = _YOUNG[age_ms] if age_ms < _YOUNG_MS else bisect_left(_AGE_BOUNDS_MS, age_ms)
        counts[_END_TO_END + older] += 1
        # What was sent within a few ms waited nearly as long as it is old: seldom a lower bucket.
        if older and wait_ms <= _AGE_BOUNDS_MS[older - 1]:
            older = bisect_left(_AGE_BOUNDS_MS, wait_ms)
        counts[_QUEUE_WAIT + older] += 1
        self._sending += seconds
        self._wait_ms += wait_ms
        self._end_to_end_ms += age_ms
        try:
            row = self._lanes[webhook.lane]
        except KeyError:
            row = self._meet(webhook, app_id)
        row.seconds += seconds
        row.buckets[bucket] += 1

    def delivered_later(self, webhook: Webhook, app_id: str, seconds: float, time_ms: int) -> None:
        """The same of a request that was not its target's first."""
        age_ms = _age_ms(time_ms)
        self._counts[_END_TO_END + bisect_left(_AGE_BOUNDS_MS, age_ms)] += 1
        self._end_to_end_ms += age_ms
        self._ended(webhook, app_id, seconds, "2xx")

    def failed(
        self, webhook: Webhook, app_id: str, outcome: Outcome, *, attempt: int, time_ms: int
    ) -> EndpointRow:
        """A request was sent, or tried to, and was no success. Returns the endpoint's row.

        ``attempt`` counts the tries of its target, this one included.
        """
        seconds = outcome.elapsed_seconds
        if attempt == 1:
            wait_ms = max(0.0, _age_ms(time_ms) - seconds * 1000)
            self._counts[_QUEUE_WAIT + bisect_left(_AGE_BOUNDS_MS, wait_ms)] += 1
            self._wait_ms += wait_ms
        kind = class_of(outcome)
        row = self._ended(webhook, app_id, seconds, kind)
        row.failed += 1
        row.classes[kind] = row.classes.get(kind, 0) + 1
        row.last = outcome.reason
        row.last_failure_ms = time.time_ns() // 1_000_000
        row.note(outcome, attempt)
        return row

    def parked(self, webhook: Webhook, app_id: str) -> None:
        """A request was not taken by its lane."""
        self._parked += 1
        row = self._lanes.get(webhook.lane) or self._meet(webhook, app_id)
        row.parked += 1

    # On the board

    def publish(self) -> None:
        """Bring the board's words up to date."""
        words, counts = self._words, self._counts
        ended = sum(counts[_SENDING : _SENDING + len(SENDING_BOUNDS) + 1])
        counts[0] = max(counts[0], ended - sum(counts[1 : len(CLASSES)]))
        words[board.ATTEMPTS] = self.attempts
        words[board.BYTES_OUT] = self.bytes_out
        words[_FIRST:_END] = memoryview(array("Q", counts))
        words[board.SENDING_US] = int(self._sending * 1e6)
        words[board.QUEUE_WAIT_US] = max(words[board.QUEUE_WAIT_US], int(self._wait_ms * 1e3))
        words[board.END_TO_END_US] = int(self._end_to_end_ms * 1e3)
        words[board.PARKED] = self._parked

    def show_endpoints(self, lanes: Mapping[str, Lane[Any]], now: float) -> None:
        """Write the table of endpoints, and how many lanes are shut.

        Args:
            lanes: The engine's lanes by name, as they are now.
            now: Monotonic seconds.
        """
        now_ms = time.time_ns() // 1_000_000
        for row in self._by_id.values():
            _at_rest(row)
            done = row.attempts - row.failed
            if done > self._seen.get(row.id, done):
                row.last_success_ms = now_ms
            self._seen[row.id] = done
        shut = dict.fromkeys(SHUT, 0)
        for name, lane in lanes.items():
            look = lane.look(now)
            if look.state in shut:
                shut[look.state] += 1
            row_or_none = self._lanes.get(name)
            if row_or_none is not None:
                _show(row_or_none, lane, look.state, look.shut_seconds)
        self._words[board.LANES_OPEN] = shut[EndpointState.OPEN]
        self._words[board.LANES_PAUSED] = shut[EndpointState.PAUSED]
        self._table.write(self._by_id.values())

    # Inside

    def _ended(self, webhook: Webhook, app_id: str, seconds: float, kind: str) -> EndpointRow:
        bucket = bisect_left(SENDING_BOUNDS, seconds)
        self._counts[CLASS_INDEX[kind]] += 1
        self._counts[_SENDING + bucket] += 1
        self._sending += seconds
        row = self._lanes.get(webhook.lane) or self._meet(webhook, app_id)
        row.seconds += seconds
        row.buckets[bucket] += 1
        return row

    def _meet(self, webhook: Webhook, app_id: str) -> EndpointRow:
        """The row of a lane that is new to this process."""
        row = row_of(webhook, app_id)
        known = self._by_id.get(row.id)
        if known is None:
            if len(self._by_id) >= MOST_ROWS:
                row = self._by_id.get(OTHER) or EndpointRow(OTHER, "", "other endpoints")
            known = self._by_id[row.id] = row
            self._seen.setdefault(row.id, row.attempts - row.failed)
        self._lanes[webhook.lane] = known
        return known


def _age_ms(time_ms: int) -> int:
    return min(max(time.time_ns() // 1_000_000 - time_ms, 0), _MOST_MS)


def _at_rest(row: EndpointRow) -> EndpointRow:
    row.state = EndpointState.CLOSED
    row.shut_seconds = 0.0
    row.limit = row.in_flight = row.waiting = row.failures_in_a_row = 0
    return row


def _show(row: EndpointRow, lane: Lane[Any], state: EndpointState, shut_seconds: float) -> None:
    """Add a lane's gauges to its row; the row of all others takes the sums and the worst state."""
    if row.state == EndpointState.CLOSED or state is EndpointState.OPEN:
        row.state = state
        row.shut_seconds = round(shut_seconds, 1)
    row.limit += lane.limit
    row.in_flight += lane.busy
    row.waiting += len(lane.waiting)
    row.failures_in_a_row = max(row.failures_in_a_row, lane.breaker.failures_in_a_row)
