"""What a worker holds, written where it outlives the worker."""

from __future__ import annotations

import hmac
import subprocess
import sys
import time

import pytest

from sockq.drivers.job import Ack, Lease
from sockq.workers import journal as journal_module
from sockq.workers.board_memory import Board
from sockq.workers.journal import ENTRIES, ID_BYTES, AloneJob, Held, Journal, job_key, read_journal

#: Of a usual job.
BODY = b'{"time_ms":1787400267000,"events":[{"name":"channel_occupied","channel":"room-1"}]}'


def leases(count: int, first: int = 0) -> list[Lease]:
    return [Lease(f"job-{n}", b"{}", 1, f"r{n}", "owner") for n in range(first, first + count)]


def ids(held: Held) -> list[str]:
    return sorted(job.id for job in held.jobs)


def test_it_tells_what_is_held_sent_and_at_hand() -> None:
    region = Board.create(1).slot(0).journal
    journal = Journal(region)
    one, two, three = leases(3)
    assert read_journal(region) == Held()
    before = time.monotonic_ns() // 1_000_000
    journal.hold([one, two, three])
    journal.sending(one)
    journal.at_hand(two)
    held = {job.id: job for job in read_journal(region).jobs}
    assert {id_: (job.sent, job.at_hand) for id_, job in held.items()} == {
        "job-0": (True, False),
        "job-1": (False, True),
        "job-2": (False, False),
    }
    assert [job.id for job in held.values() if job.at_work] == ["job-0", "job-1"]
    journal.begins(three)
    assert all(job.at_work for job in read_journal(region).jobs)
    journal.rests(three)
    assert all(before <= job.since_ms <= before + 1000 for job in held.values())
    journal.hands_empty()
    journal.settled([Ack(one), Ack(three)])
    (left,) = read_journal(region).jobs
    assert (left.id, left.at_hand) == ("job-1", False)
    journal_module.clear(region)
    assert read_journal(region) == Held()


def test_a_job_that_runs_alone_is_told_whole() -> None:
    region = Board.create(1).slot(0).journal
    journal = Journal(region)
    key = job_key("queue ü", "i" * 400)
    journal.alone(key, 3)
    assert read_journal(region).alone == AloneJob(key, 3)
    journal.in_company()
    assert read_journal(region).alone is None
    journal.alone(job_key("q", "x"), 0)
    assert read_journal(region).alone == AloneJob("q\nx", 0)


def test_long_ids_are_cut_and_more_jobs_than_entries_not_listed() -> None:
    region = Board.create(1).slot(0).journal
    journal = Journal(region)
    many = leases(ENTRIES + 20)
    journal.hold([Lease("ü" * 200, b"", 1, "long", "owner"), *many])
    held = read_journal(region)
    assert len(held.jobs) == ENTRIES
    assert "ü" * (ID_BYTES // 2) in ids(held)
    journal.sending(many[-1])  # not listed: nothing happens
    journal.settled([Ack(lease) for lease in many])
    assert len(read_journal(region).jobs) == 1


def test_entries_are_used_again() -> None:
    region = Board.create(1).slot(0).journal
    journal = Journal(region)
    for n in range(5):
        batch = leases(ENTRIES, first=n * 1000)
        journal.hold(batch)
        assert ids(read_journal(region)) == sorted(lease.id for lease in batch)
        journal.settled([Ack(lease) for lease in batch])
    assert read_journal(region).jobs == ()


WRITER = """
import sys
from sockq.drivers.job import Ack, Lease
from sockq.workers.board_memory import Board
from sockq.workers.journal import Journal, job_key
journal = Journal(Board(int(sys.argv[1]), 1, writable=True).slot(0).journal)
n = 0
print("now", flush=True)
while True:
    batch = [Lease(f"job-{i}", b"{}", 1, f"r{i}", "owner") for i in range(n, n + 64)]
    journal.hold(batch)
    journal.alone(job_key("q", batch[0].id), 1)
    journal.at_hand(batch[-1])
    for lease in batch:
        journal.sending(lease)
    journal.in_company()
    journal.settled([Ack(lease) for lease in batch])
    n = (n + 64) % 6400
"""


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 3, 5, 8, 13])
def test_a_process_killed_at_any_time_leaves_it_readable(milliseconds: int) -> None:
    """Entries are whole or not there: every id is one that was really held."""
    board = Board.create(1)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(board.fd)],
        stdout=subprocess.PIPE,
        pass_fds=(board.fd,),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        time.sleep(milliseconds / 1000)  # the moment is the parameter
        process.kill()
    held = read_journal(board.slot(0).journal)
    known = {f"job-{n}" for n in range(6400)}
    assert {job.id for job in held.jobs} <= known
    assert len({job.id for job in held.jobs}) == len(held.jobs) <= 64
    assert held.alone is None or held.alone.key.removeprefix("q\n") in known


def test_it_costs_less_than_signing() -> None:
    """Below a microsecond a job where it was written; said in hashes, so that any machine can tell.

    The best of several runs, so that a busy machine does not count.
    """
    region = Board.create(1).slot(0).journal
    journal = Journal(region)
    batch = leases(128)
    settlements = [Ack(lease) for lease in batch]
    best = hashing = float("inf")
    for _ in range(200):
        began = time.perf_counter_ns()
        for _ in batch:
            hmac.digest(b"app-secret", BODY, "sha256")
        hashing = min(hashing, (time.perf_counter_ns() - began) / len(batch))
        began = time.perf_counter_ns()
        journal.hold(batch)
        for lease in batch:
            journal.at_hand(lease)
        journal.hands_empty()
        for lease in batch:
            journal.sending(lease)
        journal.settled(settlements)
        best = min(best, (time.perf_counter_ns() - began) / len(batch))
    print(f"{best:.0f} ns a job, {hashing:.0f} ns a signature")  # noqa: T201 - shown with -rP
    assert best < 2 * hashing
