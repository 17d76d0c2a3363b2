"""``/metrics``: the board in Prometheus' text format.

Nothing is kept here but names: all counters live on the board, where they outlive the processes
that counted. ``sockq_queue_*`` gauges are global: every fleet on a queue reports the same number,
so take ``max by (queue)`` of them, never the sum.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sockq.supervisor.board_view import BoardView
from sockq.supervisor.metrics_compat import bull, bullmq
from sockq.supervisor.metrics_delivery import Labels, delivery_metrics
from sockq.supervisor.metrics_fleet import fleet_metrics
from sockq.supervisor.metrics_queue import queue_metrics
from sockq.supervisor.metrics_worker import worker_metrics

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one scrape is made from.

    Attributes:
        view: The board.
        totals: The workers' counters, all generations together.
        settled_rate: Jobs a second that left the queue lately; None: not known.
        recent_sending: Exchanges of the last minutes by duration.
    """

    view: BoardView
    totals: dict[str, int]
    settled_rate: float | None = None
    recent_sending: list[int] = field(default_factory=list)


class Metrics(Collector):
    """Makes the page.

    Args:
        read: Looks at the board.
        compat: Other exporters' names that are served too.
    """

    def __init__(self, read: Callable[[], Reading], compat: tuple[str, ...] = ()) -> None:
        self._read = read
        self._compat = compat
        self._labels = Labels()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def describe(self) -> list[Metric]:
        """Nothing: the names are not asked for before there is a board."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families of one look at the board."""
        began = time.perf_counter()
        reading = self._read()
        view, totals = reading.view, reading.totals
        yield from chain(
            fleet_metrics(view),
            queue_metrics(view, totals, reading.settled_rate),
            delivery_metrics(view, totals, self._labels),
            worker_metrics(view),
        )
        if "bull" in self._compat:
            yield from bull(view, totals, reading.recent_sending)
        if "bullmq" in self._compat:
            yield from bullmq(view, totals)
        took = time.perf_counter() - began
        yield GaugeMetricFamily(
            "sockq_scrape_duration_seconds", "How long this page took to make.", took
        )

    def page(self) -> bytes:
        """The text."""
        return generate_latest(self._registry)
