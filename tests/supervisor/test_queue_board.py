"""The counts of the queue on the board: whoever reads them while they are written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from sockq.drivers.source import QueueStats
from sockq.supervisor.board_snapshot import take
from sockq.supervisor.queue_board import QueueBoard
from sockq.workers.board_memory import Board

READS = 1_000


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns after a few steps each, as processes do at any."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_a_queue_that_is_claimed_never_seems_to_be_empty() -> None:
    board = Board.create(1)
    queue, enough = QueueBoard(board), Event()
    waiting, claimed = QueueStats(60, 0), QueueStats(0, 60)
    queue.sample({"a": waiting})

    def write() -> None:
        while not enough.is_set():
            queue.sample({"a": claimed})
            queue.sample({"a": waiting})

    writer = Thread(target=write)
    writer.start()
    try:
        seen = {(view.ready, view.leased) for view in (take(board).queue for _ in range(READS))}
    finally:
        enough.set()
        writer.join(10)
    assert seen - {(None, None)} == {(60, 0), (0, 60)}, "one look, or that it is not known now"


def test_what_is_not_known_is_no_zero() -> None:
    board = Board.create(1)
    assert take(board).queue.ready is None, "nobody has looked yet"
    QueueBoard(board).sample(
        {
            "a": QueueStats(ready=None, leased=3, oldest_seconds=4.0),
            "b": QueueStats(ready=None, leased=None, oldest_seconds=9.5),
        }
    )
    queue = take(board).queue
    assert (queue.ready, queue.leased, queue.oldest_seconds) == (None, 3, 9.5)
