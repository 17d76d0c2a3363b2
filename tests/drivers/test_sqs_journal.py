"""The files in which a fleet keeps who holds which SQS message."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from sockq.drivers.sqs_book import Book
from sockq.drivers.sqs_journal import Entry, Kind, file_name
from sockq.drivers.sqs_message import Message
from sockq.drivers.sqs_records import Record, Records


def entry(receipt: str, seconds: float = 30.0, kind: Kind = "lease") -> Entry:
    return Entry(receipt, kind, time.monotonic() + seconds, f"message of {receipt}", 1, "group")


def live(book: Book, owner: str, *receipts: str) -> list[str]:
    return sorted(book.live(owner, receipts))


def test_what_one_process_writes_another_knows(tmp_path: Path) -> None:
    one, two = Book(tmp_path), Book(tmp_path)
    one.add("o-1", [entry("a"), entry("b", 0.0), entry("c")])
    assert live(two, "o-1", "a", "b", "c", "d") == ["a", "c"]
    assert live(two, "o-10", "a") == []
    two.remove("o-1", ["a"])
    assert live(one, "o-1", "a", "c") == ["c"]
    two.extend("o-1", ["c", "never"], time.monotonic() - 1)
    assert live(one, "o-1", "c") == []
    assert [e.receipt for e in one.expired()] == ["b", "c"]
    assert two.expired() == []


def test_a_wall_clock_that_jumps_ends_no_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = Book(tmp_path), Book(tmp_path)
    one.add("o", [entry("a"), entry("b")])
    one.extend("o", ["b"], time.monotonic() + 60)
    wall = time.time
    for jump in (3600.0, -3600.0):
        monkeypatch.setattr(time, "time", lambda jump=jump: wall() + jump)
        assert live(two, "o", "a", "b") == ["a", "b"]
        assert live(Book(tmp_path), "o", "a", "b") == ["a", "b"]
        assert two.expired() == []


def test_what_an_earlier_start_of_the_machine_left_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockq.drivers.sqs_journal._BOOT", "earlier")
    Book(tmp_path).add("o", [entry("a", 9e6)])
    monkeypatch.undo()
    book = Book(tmp_path)
    assert live(book, "o", "a") == []
    assert [e.receipt for e in book.expired()] == ["a"]


def test_an_entry_comes_over_whole(tmp_path: Path) -> None:
    given = Entry("r|1", "held", time.monotonic() + 9, "m", 3, None, recorded=True)
    Book(tmp_path).add("o", [given])
    (found,) = Book(tmp_path).seize("o", 10)
    assert abs(found.deadline - given.deadline) < 0.05
    found.deadline = given.deadline
    assert found == given


def test_seizing_takes_all_and_the_file(tmp_path: Path) -> None:
    one, two = Book(tmp_path), Book(tmp_path)
    one.add("o", [entry(str(n)) for n in range(5)])
    assert len(two.seize("o", 3)) == 3
    assert [path.name for path in tmp_path.iterdir()] == [file_name("o")]
    assert len(two.seize("o", 3)) == 2
    assert list(tmp_path.iterdir()) == []
    assert two.seize("o", 3) == []
    assert live(one, "o", *map(str, range(5))) == []
    one.add("o", [entry("again")])  # it was not dead after all
    assert live(two, "o", "again") == ["again"]


def test_a_line_cut_short_costs_itself_only(tmp_path: Path) -> None:
    Book(tmp_path).add("o", [entry("a"), entry("b")])
    path = tmp_path / file_name("o")
    path.write_bytes(path.read_bytes()[:-7])
    book = Book(tmp_path)
    assert live(book, "o", "a", "b") == ["a"]
    book.add("o", [entry("c")])
    assert live(book, "o", "a", "b", "c") == ["a", "c"]
    assert live(Book(tmp_path), "o", "a", "b", "c") == ["a", "c"]


def test_noise_is_skipped(tmp_path: Path) -> None:
    (tmp_path / file_name("o")).write_bytes(b'\xff\n{"x":1}\n["?","r"]\n["~","r",5]\n\n')
    book = Book(tmp_path)
    assert book.expired() == []
    book.add("o", [entry("a")])
    assert live(Book(tmp_path), "o", "a") == ["a"]


def test_a_large_file_is_written_anew(tmp_path: Path) -> None:
    one, two = Book(tmp_path), Book(tmp_path)
    one.add("o", [entry("stays")])
    path = tmp_path / file_name("o")
    largest = 0
    for n in range(300):
        handles = [f"{n}-{i}-{'h' * 300}" for i in range(10)]
        one.add("o", [entry(handle) for handle in handles])
        assert live(two, "o", handles[3], "stays") == sorted([handles[3], "stays"])
        two.remove("o", handles[:5])
        one.remove("o", handles[5:])
        largest = max(largest, path.stat().st_size)
    assert largest < 400_000
    assert [e.receipt for e in Book(tmp_path).seize("o", 10)] == ["stays"]
    assert live(one, "o", "stays") == []
    assert list(tmp_path.iterdir()) == []


def test_without_a_directory_it_is_memory() -> None:
    book = Book(None)
    book.add("o", [entry("a"), entry("b", 0.0), entry("c", kind="held")])
    assert live(book, "o", "a", "b") == ["a"]
    assert book.held() == 1
    assert [e.receipt for e in book.expired()] == ["b"]
    book.forget(["c"])
    assert [e.receipt for e in book.seize("o", 10)] == ["a"]


def test_a_directory_that_vanishes_ends_no_lease(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    directory.mkdir()
    book = Book(directory)
    book.add("o", [entry("a")])
    (directory / file_name("o")).unlink()
    directory.rmdir()
    assert live(book, "o", "a") == ["a"]
    book.add("o", [entry("b")])
    assert live(book, "o", "a", "b") == ["a", "b"]
    directory.mkdir()
    book.add("o", [entry("c")])
    assert live(Book(directory), "o", "a", "b", "c") == ["a", "b", "c"]


def test_a_settlement_under_way_stays_marked_over_a_new_file(tmp_path: Path) -> None:
    one, two = Book(tmp_path), Book(tmp_path)
    one.add("o", [entry("a")])
    one.live("o", ["a"])["a"].moved = True
    for n in range(40):
        handles = [f"{n}-{i}-{'h' * 900}" for i in range(10)]
        two.add("o", [entry(handle) for handle in handles])
        two.remove("o", handles)
    assert one.live("o", ["a"])["a"].moved


WRITER = """
    import sys, time
    from pathlib import Path
    from sockq.drivers.sqs_book import Book
    from sockq.drivers.sqs_journal import Entry

    book = Book(Path(sys.argv[1]))
    for n in range(10**9):
        receipts = [f"{n}-{i}-{'h' * 500}" for i in range(10)]
        until = time.monotonic() + 60
        book.add("o", [Entry(r, "lease", until, "m", 1, None) for r in receipts])
        book.remove("o", receipts[1:])
        if n > 20:
            book.remove("o", [f"{n - 20}-0-{'h' * 500}"])
        if n == 20:
            print("go", flush=True)
"""


@pytest.mark.parametrize("delay_seconds", [0.01, 0.05, 0.2])
def test_a_writer_killed_at_any_moment_leaves_a_readable_file(
    tmp_path: Path, delay_seconds: float
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"go\n"
    time.sleep(delay_seconds)  # the moment is what varies
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait(10)
    writer.stdout.close()
    found = Book(tmp_path).seize("o", 1_000)
    assert 21 <= len(found) <= 21 + 10
    assert all(e.message_id == "m" and e.deadline > time.monotonic() + 50 for e in found)


@pytest.mark.parametrize("shared", [False, True])
def test_records(tmp_path: Path, shared: bool) -> None:
    records = Records(tmp_path if shared else None)
    records.open()

    def received(receives: int) -> tuple[int, int, bytes, int]:
        message = Message("m-1", "h", b"x", receives, None, "j")
        records.complete(message)
        return message.attempts, message.crashes, message.state, message.due_ms

    assert received(1) == (0, 0, b"", 0)
    assert received(3) == (0, 1, b"", 0), "nothing is known: a suspect"
    records.put("m-1", Record(3, attempts=2, crashes=2, state=b"\xff", due_ms=5))
    assert received(4) == (2, 2, b"\xff", 5)
    assert received(5) == (2, 3, b"\xff", 5)
    records.forgive(Entry("r", "lease", 0.0, "m-1", 6, None, unexplained=1))
    assert received(7) == (2, 3, b"\xff", 5), "the crash before it stands"
    records.forgive(Entry("r", "lease", 0.0, "m-1", 7, None))
    assert received(8) == (2, 2, b"\xff", 5)
    records.blame(Entry("r", "lease", 0.0, "m-1", 8, None))
    assert received(9) == (2, 3, b"\xff", 5)
    records.drop("m-1")
    assert records.get("m-1") is None
    records.forgive(Entry("r", "lease", 0.0, "../m/2", 1, None))
    assert records.get("../m/2") == Record(1, receives_only=True)
    told = Message("../m/2", "h", b"x", 3, None, "j", attempts=4, crashes=2, state=b"own")
    records.complete(told)
    assert (told.attempts, told.crashes, told.state) == (4, 2 + 1, b"own"), "one is explained"
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} <= {
        path.name for path in (tmp_path / "records").glob("*")
    }


def test_old_records_are_swept(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.open()
    records.put("old", Record(1))
    records.put("new", Record(1))
    long_ago = time.time() - 15 * 24 * 3600
    os.utime(tmp_path / "records" / "old", (long_ago, long_ago))
    records.sweep()
    assert (records.get("old"), records.get("new")) == (None, Record(1))
