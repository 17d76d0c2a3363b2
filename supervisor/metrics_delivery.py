"""Metrics of requests and endpoints. Pure: a view of the board goes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.metrics_core import Metric

from sockq.supervisor.board_view import BoardView
from sockq.supervisor.endpoint_view import add, histogram
from sockq.supervisor.metrics_families import Rows, counter, counters, gauges, histograms
from sockq.workers.endpoint_state import EndpointState
from sockq.workers.endpoint_stats import OTHER, EndpointRow
from sockq.workers.endpoint_table import MOST_ROWS
from sockq.workers.outcome import Fault

_CODES: Final = ("3xx", "4xx", "408", "410", "425", "429", "5xx", "503")


class Labels:
    """Which endpoints have a label of their own: the first ones that came, for good."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def shown(self, rows: list[EndpointRow]) -> list[EndpointRow]:
        """The rows to show: at most ``MOST_ROWS``, and one for all the others."""
        own: list[EndpointRow] = []
        other: EndpointRow | None = None
        for row in sorted(rows, key=lambda one: one.id):
            if row.id != OTHER and (row.id in self._known or len(self._known) < MOST_ROWS):
                self._known.add(row.id)
                own.append(row)
            elif other is None:
                other = EndpointRow(OTHER, "", "other endpoints")
                add(other, row)
            else:
                add(other, row)
        return [*own, other] if other else own


def delivery_metrics(
    view: BoardView, totals: Mapping[str, int], labels: Labels
) -> Iterator[Metric]:
    """Attempts, answers, faults and durations by endpoint; connections and bytes of all."""
    rows = labels.shown(view.endpoints)
    one = ("endpoint",)
    yield counters(
        "sockq_delivery_attempts_total",
        "Requests that ended, by what was decided then.",
        ("endpoint", "outcome"),
        _attempts(rows),
    )
    yield counters(
        "sockq_delivery_responses_total",
        "Answers by status; one with a label of its own, as 429, is not counted in 4xx or 5xx.",
        ("endpoint", "code"),
        _responses(rows),
    )
    yield counters(
        "sockq_delivery_errors_total",
        "Requests without a usable answer.",
        ("endpoint", "error"),
        [
            ((row.id, fault.value), row.classes.get(fault.value, 0))
            for row in rows
            for fault in Fault
        ],
    )
    yield histograms(
        "sockq_delivery_duration_seconds",
        "From the start of a request to its end, connecting included.",
        one,
        {(row.id,): histogram(row) for row in rows},
    )
    yield counters(
        "sockq_delivery_connections_total",
        "Requests by whether their connection was open already.",
        ("reused",),
        [
            (("true",), totals["connections_reused"]),
            (("false",), totals["connections_opened"]),
        ],
    )
    yield counter(
        "sockq_delivery_request_bytes_total", "Bytes of bodies sent.", totals["bytes_out"]
    )
    yield gauges(
        "sockq_endpoint_info",
        "Which endpoint a label stands for.",
        ("endpoint", "app", "address"),
        [((row.id, row.app, row.label), 1) for row in rows],
    )
    yield gauges(
        "sockq_endpoint_state",
        "1 for disabled by the operator, or the state of the worst lane; 0 for the others.",
        ("endpoint", "state"),
        [((row.id, state), row.state == state) for row in rows for state in EndpointState],
    )
    for name, what, field in (
        ("limit", "Requests at once that are allowed now.", "limit"),
        ("in_flight", "Requests on the wire.", "in_flight"),
        ("waiting", "Requests that wait in the workers.", "waiting"),
        ("consecutive_failures", "Failures since the last success.", "failures_in_a_row"),
    ):
        yield gauges(
            f"sockq_endpoint_{name}", what, one, [((row.id,), getattr(row, field)) for row in rows]
        )
    yield counters(
        "sockq_endpoint_parked_total",
        "Requests that went back to the queue unsent.",
        one,
        [((row.id,), row.parked) for row in rows],
    )
    for name, field in (("success", "last_success_ms"), ("failure", "last_failure_ms")):
        yield gauges(
            f"sockq_endpoint_last_{name}_timestamp_seconds",
            f"Unix time of the last {name}.",
            one,
            [((row.id,), getattr(row, field) / 1000 or None) for row in rows],
        )


def _attempts(rows: list[EndpointRow]) -> Rows:
    for row in rows:
        yield (row.id, "success"), row.attempts - row.failed
        yield (row.id, "retry"), row.retried
        yield (row.id, "dead"), row.given_up


def _responses(rows: list[EndpointRow]) -> Rows:
    for row in rows:
        yield (row.id, "2xx"), row.attempts - row.failed
        for code in _CODES:
            yield (row.id, code), row.classes.get(code, 0)
