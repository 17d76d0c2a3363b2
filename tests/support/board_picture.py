"""A board as two busy workers with endpoints would have left it, without any process."""

from __future__ import annotations

import time
from pathlib import Path

from sockq.drivers.settings import NoneSettings
from sockq.drivers.source import QueueStats
from sockq.supervisor import board_words as words
from sockq.supervisor.board_snapshot import take, totals
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.http_settings import HttpSettings
from sockq.supervisor.metrics import Reading
from sockq.supervisor.queue_board import QueueBoard
from sockq.supervisor.slot_states import SlotState
from sockq.workers import board as slot_words
from sockq.workers.apps import Webhook
from sockq.workers.board import WorkerState
from sockq.workers.board_memory import Board
from sockq.workers.endpoint import make_endpoint
from sockq.workers.meter import Meter
from sockq.workers.outcome import Fault, Outcome

SECRET = "sesame"


class BoardPicture:
    """To be looked at, and spoilt."""

    def __init__(self, endpoints: int = 3) -> None:
        self.board = Board.create(slots=4)
        settings = FleetSettings(
            Path("/fleet"),
            2,
            NoneSettings(),
            version="9.8.7",
            http=HttpSettings(),
            facts={"queue": "webhooks"},
        )
        self.fleet = FleetBoard(self.board, settings)
        self.fleet.set_state(FleetState.RUNNING)
        self.fleet.set(words.TARGET, 2)
        self.fleet.set(words.SLOTS_USED, 2)
        for at in (words.JANITOR_AT, words.HTTP_AT):
            self.board.header[at + words.PROCESS_WANTED] = 1
        for index in range(2):
            self._worker(index, endpoints)
        self.queue = QueueBoard(self.board)
        self.queue.up()
        stats = QueueStats(ready=4, leased=6, delayed=2, dead=1, oldest_seconds=4.2)
        self.queue.sample({"queue::queue:webhooks": stats})

    def _worker(self, index: int, endpoints: int) -> None:
        slot = self.board.slot(index)
        slot.reset(1)
        slot.set_state(WorkerState.READY)
        parent = self.board.parent_words(index)
        parent[words.PROCESS_PID] = 500 + index
        parent[words.PROCESS_STATE] = SlotState.READY
        parent[words.PROCESS_WANTED] = 1
        slot.words[slot_words.IN_FLIGHT] = 3
        slot.words[slot_words.IN_FLIGHT_LIMIT] = 256
        slot.words[slot_words.DELIVERED] = slot.words[slot_words.JOBS_DELIVERED] = 100
        meter = Meter(slot)
        now_ms = time.time_ns() // 1_000_000
        for number in range(endpoints):
            url = f"https://user:{SECRET}@hooks.example/{number}?token={SECRET}"
            webhook = Webhook("t", make_endpoint(url, {}), frozenset(), lane=f"app {url}")
            meter.delivered(webhook, "app", 0.02, now_ms - 300)
            failure = Outcome(fault=Fault.TIMEOUT, elapsed_seconds=12.0)
            meter.failed(webhook, "app", failure, attempt=1, time_ms=now_ms - 400).retried += 1
            refusal = Outcome(status=503, elapsed_seconds=0.3)
            meter.failed(webhook, "app", refusal, attempt=2, time_ms=now_ms).given_up += 1
        meter.publish()
        meter.show_endpoints({}, 0.0)

    def reading(self) -> Reading:
        """What a scrape is made from."""
        return Reading(take(self.board), totals(self.board), 2.0, [5] * 15)
