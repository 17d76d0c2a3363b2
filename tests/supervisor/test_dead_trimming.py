"""Dead letters are kept within their bounds, and what goes is counted and told."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import cast

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.settings import LeaseSettings
from sockq.drivers.source import Driver
from sockq.supervisor.board_snapshot import take
from sockq.supervisor.dead_trimming import Trimming
from sockq.supervisor.queue_board import QueueBoard
from sockq.workers.board_memory import Board
from sockq.workers.logs import Log


@dataclass
class FakeSource:
    """Says what each step removes; remembers what it was asked."""

    steps: list[int] = field(default_factory=list)
    fault: Exception | None = None
    asked: list[tuple[int, float]] = field(default_factory=list)

    async def trim_dead(self, most: int, older_than_seconds: float) -> int:
        if self.fault is not None:
            raise self.fault
        self.asked.append((most, older_than_seconds))
        return self.steps.pop(0) if self.steps else 0


class Bench:
    def __init__(self, *sources: FakeSource) -> None:
        self.board = Board.create(slots=1)
        self.reading, writing = os.pipe()
        self.now = 1000.0
        driver = type("FakeDriver", (), {"sources": sources})()
        self.trimming = Trimming(
            cast("Driver", driver),
            LeaseSettings(dead_limit=100, dead_seconds=86_400.0),
            QueueBoard(self.board),
            Log("janitor", writing, readable=False),
            clock=lambda: self.now,
        )

    @property
    def counted(self) -> int:
        return take(self.board).queue.trimmed

    def told(self) -> list[dict[str, object]]:
        os.set_blocking(self.reading, False)
        try:
            lines = os.read(self.reading, 65_536).splitlines()
        except BlockingIOError:
            return []
        return [json.loads(line) for line in lines]


async def test_every_source_is_trimmed_in_steps_until_nothing_is_left_to_trim() -> None:
    first, second = FakeSource([1000, 1000, 7]), FakeSource([3])
    bench = Bench(first, second)
    assert await bench.trimming.trim() == 2010
    assert first.asked == [(100, 86_400.0)] * 4
    assert bench.counted == 2010


async def test_a_source_that_is_away_does_not_keep_the_others_from_it() -> None:
    bench = Bench(FakeSource(fault=BackendUnavailable("away")), FakeSource([5]))
    assert await bench.trimming.trim() == 5
    assert bench.counted == 5


async def test_the_first_trimming_is_told_at_once_then_one_line_for_ten_minutes() -> None:
    source = FakeSource()
    bench = Bench(source)
    assert await bench.trimming.trim() == 0
    assert bench.told() == []
    lines = []
    for seconds in range(0, 1_210, 10):
        source.steps = [2]
        bench.now = 1000.0 + seconds
        await bench.trimming.trim()
        lines += bench.told()
    assert [(line["event"], line["letters"]) for line in lines] == [
        ("dead-trimmed", 2),
        ("dead-trimmed", 120),
        ("dead-trimmed", 120),
    ]
    assert (lines[0]["most"], lines[0]["days"]) == (100, 1.0)
    assert bench.counted == 242
