"""The ring of how workers died: written by the parent, read by workers."""

from __future__ import annotations

from sockq.drivers.job_mark import mark_of
from sockq.workers.board_memory import Board
from sockq.workers.deaths import DEATHS, STACK_LINES, Death
from sockq.workers.journal import ENTRIES


def death(number: int, **more: object) -> Death:
    return Death(f"w{number:02d}", "crash", "SIGSEGV", number, **more)  # type: ignore[arg-type]


def test_what_is_written_is_read_by_another() -> None:
    board = Board.create(1)
    given = death(
        1,
        uptime_seconds=1.5,
        cpu_seconds=0.25,
        max_rss_mb=38,
        alone="q\nj",
        crashes=1,
        at_hand=True,
        stack=("f (a.py:1)", "g (b.py:2)"),
        held=3,
        at_work=frozenset({mark_of("j"), mark_of("k")}),
        in_hand=mark_of("k"),
    )
    board.deaths.add(given)
    assert Board.open(board.fd).deaths.read() == [given]


def test_the_oldest_are_forgotten() -> None:
    deaths = Board.create(1).deaths
    for number in range(DEATHS + 5):
        deaths.add(death(number))
    assert deaths.count == DEATHS + 5
    assert [one.at_ms for one in deaths.read()] == list(range(5, DEATHS + 5))


def test_a_record_is_cut_to_its_room() -> None:
    deaths = Board.create(1).deaths
    at_work = frozenset(mark_of(str(n)) for n in range(2_000))
    deaths.add(death(1, stack=("x" * 500,) * 50, at_work=at_work, alone="q\n" + "j" * 510))
    (found,) = deaths.read()
    assert len(found.stack) == STACK_LINES
    assert ENTRIES < len(found.at_work) < 2_000
    assert found.at_work < at_work
