"""What settlements count as."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from sockq.drivers.job import Ack, Dead, Lease, Release, Retry, Settlement
from sockq.workers import board
from sockq.workers.board_memory import Board
from sockq.workers.engine import Engine
from sockq.workers.tally import Tally


def lease(receipt: str) -> Lease:
    return Lease("id", b"{}", 1, receipt, "owner")


def engine() -> Any:
    still = SimpleNamespace(
        opened_count=0,
        fresh_count=0,
        waiting=0,
        in_flight=0,
        connections=(),
        oldest_deadline=None,
        lanes={},
    )
    return cast("Engine", still)


def test_each_job_counts_once_by_what_became_of_it() -> None:
    slot = Board.create(1).slot(0)
    tally = Tally(slot, engine(), 256)
    filtered = {"nothing", "lost nothing", "still held"}
    batch: list[tuple[Settlement, bool]] = [
        (Ack(lease("sent")), True),
        (Ack(lease("nothing")), True),
        (Ack(lease("lost nothing")), False),
        (Retry(lease("again"), 1.0, b""), True),
        (Release(lease("back")), True),
        (Dead(lease("a"), "invalid job: no app_id", b""), True),
        (Dead(lease("b"), "tampered: the job's signature is not its app's", b""), True),
        (Dead(lease("c"), "unknown app 'x': no app of the configuration has this id", b""), True),
        (Dead(lease("d"), "status 410 after 1 attempt", b""), True),
        (Dead(lease("e"), "status 410 after 1 attempt", b""), False),
    ]
    tally.settled([one for one, _ in batch], [ours for _, ours in batch], filtered)
    words = slot.words
    told = {
        name: words[getattr(board, name)]
        for name in (
            "SETTLED", "DELIVERED", "JOBS_DELIVERED", "FILTERED", "RETRIED", "RELEASED",
            "DEAD", "DEAD_INVALID", "DEAD_TAMPERED", "DEAD_UNKNOWN_APP", "DEAD_UNDELIVERED",
            "LEASE_LOST",
        )
    }  # fmt: skip
    assert told == {
        "SETTLED": 8,
        "DELIVERED": 2,
        "JOBS_DELIVERED": 1,
        "FILTERED": 1,
        "RETRIED": 1,
        "RELEASED": 1,
        "DEAD": 4,
        "DEAD_INVALID": 1,
        "DEAD_TAMPERED": 1,
        "DEAD_UNKNOWN_APP": 1,
        "DEAD_UNDELIVERED": 1,
        "LEASE_LOST": 2,
    }
    assert filtered == {"still held"}


def test_connections_that_were_found_open_are_what_is_left_of_all_requests() -> None:
    slot = Board.create(1).slot(0)
    slot.words[board.ATTEMPTS] = 40
    slot.words[board.CONNECTIONS_OPENED] = 4
    slot.words[board.CONNECTIONS_REUSED] = 36
    now = engine()
    tally = Tally(slot, now, 256)
    tally.meter.attempts += 10
    now.opened_count, now.fresh_count = 3, 2
    tally.show()
    assert slot.words[board.CONNECTIONS_OPENED] == 7
    assert slot.words[board.CONNECTIONS_REUSED] == 44
