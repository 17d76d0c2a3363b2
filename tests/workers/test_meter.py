"""What is counted of requests, and that it survives the process that counted it."""

from __future__ import annotations

import time
from bisect import bisect_left

import pytest

from sockq.workers import board
from sockq.workers.apps import Webhook
from sockq.workers.board_memory import Board
from sockq.workers.endpoint import make_endpoint
from sockq.workers.endpoint_stats import OTHER
from sockq.workers.endpoint_table import MOST_ROWS, read_table
from sockq.workers.lane import Lane
from sockq.workers.meter import Meter
from sockq.workers.outcome import Fault, Outcome
from sockq.workers.outcome_classes import AGE_BOUNDS, CLASS_INDEX, SENDING_BOUNDS, class_of
from sockq.workers.seqlock import room


def webhook(number: int = 0, app: str = "app") -> Webhook:
    url = f"https://user:pass@hooks.example/{number}?token=sesame"
    return Webhook("t", make_endpoint(url, {}), frozenset(), lane=f"{app} {url}")


def ago(ms: int) -> int:
    return time.time_ns() // 1_000_000 - ms


@pytest.fixture
def slot() -> board.SlotWriter:
    return Board.create(1).slot(0)


def buckets(slot: board.SlotWriter, at: int, bounds: tuple[float, ...]) -> list[int]:
    return [int(n) for n in slot.words[at : at + len(bounds) + 1]]


def test_a_delivery_is_in_three_histograms(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    meter.delivered(webhook(), "app", 0.030, ago(1_200))
    meter.publish()
    sending = buckets(slot, board.SENDING_AT, SENDING_BOUNDS)
    wait = buckets(slot, board.QUEUE_WAIT_AT, AGE_BOUNDS)
    whole = buckets(slot, board.END_TO_END_AT, AGE_BOUNDS)
    assert sending.index(1) == SENDING_BOUNDS.index(0.05)
    assert wait.index(1) == whole.index(1) == AGE_BOUNDS.index(2.5)
    assert (sum(sending), sum(wait), sum(whole)) == (1, 1, 1)
    assert slot.words[board.CLASSES_AT + CLASS_INDEX["2xx"]] == 1
    assert slot.words[board.SENDING_US] == 30_000
    assert 1_150_000 <= slot.words[board.QUEUE_WAIT_US] <= 1_400_000


def test_an_endpoint_remembers_its_last_failures(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    answer = Outcome(status=503, detail="secret of the answer", elapsed_seconds=0.2504)
    fault = Outcome(fault=Fault.CONNECT, detail="Connection refused " * 9, elapsed_seconds=0.002)
    for attempt in range(1, 30):
        meter.failed(webhook(), "app", answer, attempt=attempt, time_ms=ago(300))
    meter.failed(webhook(), "app", fault, attempt=30, time_ms=ago(300))
    meter.show_endpoints({}, 0.0)
    (row,) = read_table(slot.endpoints)
    assert [one.attempt for one in row.recent] == list(range(11, 31))
    assert {(one.what, one.ms) for one in row.recent[:-1]} == {("status 503", 250)}
    last = row.recent[-1]
    assert (last.what[:27], len(last.what), last.ms) == ("connect: Connection refused", 69, 2)
    assert abs(last.at_ms - ago(0)) < 5_000
    assert Meter(slot)._by_id[row.id].recent == row.recent, "they outlive the process"


def test_failures_make_way_for_rows(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    fault = Outcome(fault=Fault.CONNECT, detail="x" * 60)
    for number in range(MOST_ROWS):
        for attempt in range(20):
            meter.failed(webhook(number), "app", fault, attempt=attempt, time_ms=ago(0))
    meter.show_endpoints({}, 0.0)
    rows = read_table(slot.endpoints)
    assert len(rows) == MOST_ROWS
    assert {len(row.recent) for row in rows} == {1}


@pytest.mark.parametrize("seconds", [0.0, 0.0004, 0.003, 0.25, 9.0])
def test_every_age_is_in_its_bucket(
    slot: board.SlotWriter, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 2_000_000_000_000 * 1_000_000)
    ages = [*range(-2, 60), *range(95, 105), 999, 1000, 1001, 4095, 4096, 5000, 5001, 10**7, 10**9]
    meter = Meter(slot)
    for age_ms in ages:
        meter.delivered(webhook(), "app", seconds, 2_000_000_000_000 - age_ms)
    meter.publish()
    whole, wait = ([0] * (len(AGE_BOUNDS) + 1) for _ in range(2))
    for age_ms in (min(max(age_ms, 0), 86_400_000) for age_ms in ages):
        whole[bisect_left(AGE_BOUNDS, age_ms / 1000)] += 1
        wait[bisect_left([b * 1000 for b in AGE_BOUNDS], age_ms - seconds * 1000)] += 1
    assert buckets(slot, board.END_TO_END_AT, AGE_BOUNDS) == whole
    assert buckets(slot, board.QUEUE_WAIT_AT, AGE_BOUNDS) == wait
    assert slot.words[board.CLASSES_AT + CLASS_INDEX["2xx"]] == len(ages)


def test_a_later_attempt_says_nothing_about_the_queue(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    failure = Outcome(status=503, elapsed_seconds=0.2)
    meter.failed(webhook(), "app", failure, attempt=1, time_ms=ago(300))
    meter.failed(webhook(), "app", failure, attempt=2, time_ms=ago(9_000))
    meter.delivered_later(webhook(), "app", 0.2, ago(20_000))
    meter.publish()
    assert sum(buckets(slot, board.SENDING_AT, SENDING_BOUNDS)) == 3
    assert sum(buckets(slot, board.QUEUE_WAIT_AT, AGE_BOUNDS)) == 1
    assert sum(buckets(slot, board.END_TO_END_AT, AGE_BOUNDS)) == 1
    assert slot.words[board.CLASSES_AT + CLASS_INDEX["503"]] == 2


@pytest.mark.parametrize("time_ms", [0, -(10**30), 10**30, 4_000_000_000_000])
def test_a_wrong_clock_counts_and_breaks_nothing(slot: board.SlotWriter, time_ms: int) -> None:
    meter = Meter(slot)
    for _ in range(3):
        meter.delivered(webhook(), "app", 0.01, time_ms)
    meter.failed(webhook(), "app", Outcome(status=500), attempt=1, time_ms=time_ms)
    meter.publish()
    assert sum(buckets(slot, board.END_TO_END_AT, AGE_BOUNDS)) == 3
    assert sum(buckets(slot, board.QUEUE_WAIT_AT, AGE_BOUNDS)) == 4


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Outcome(status=200), "2xx"),
        (Outcome(status=204), "2xx"),
        (Outcome(status=301), "3xx"),
        (Outcome(status=404), "4xx"),
        (Outcome(status=408), "408"),
        (Outcome(status=410), "410"),
        (Outcome(status=425), "425"),
        (Outcome(status=429), "429"),
        (Outcome(status=500), "5xx"),
        (Outcome(status=503), "503"),
        (Outcome(status=999), "5xx"),
        (Outcome(fault=Fault.TIMEOUT), "timeout"),
        (Outcome(fault=Fault.DNS), "dns"),
    ],
)
def test_every_end_has_a_class(outcome: Outcome, name: str) -> None:
    assert class_of(outcome) == name
    assert name in CLASS_INDEX


def test_a_row_tells_how_its_lane_is_and_no_secret(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    hook = webhook()
    lane: Lane[object] = Lane(16)
    for _ in range(5):
        lane.ended(Outcome(fault=Fault.TIMEOUT), 100.0, 0.5)
        meter.failed(
            hook, "app", Outcome(fault=Fault.TIMEOUT, elapsed_seconds=10.5), attempt=2, time_ms=0
        )
    meter.parked(hook, "app")
    meter.show_endpoints({hook.lane: lane}, 101.0)
    (row,) = read_table(slot.endpoints)
    assert (row.state, row.shut_seconds, row.limit) == ("open", 9.0, 0)
    assert (row.failed, row.attempts, row.parked) == (5, 5, 1)
    assert (row.failures_in_a_row, row.last, row.classes) == (5, "timeout", {"timeout": 5})
    assert row.buckets[-1] == 5
    assert row.last_failure_ms > 0
    assert row.last_success_ms == 0
    assert (slot.words[board.LANES_OPEN], slot.words[board.LANES_PAUSED]) == (1, 0)
    shown = b"".join(bytes(block) for block in slot.endpoints)
    assert b"hooks.example" in shown
    for secret in (b"sesame", b"user", b"pass"):
        assert secret not in shown


def test_a_success_has_a_time(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    meter.delivered(webhook(), "app", 0.01, ago(20))
    meter.show_endpoints({}, 0.0)
    (row,) = read_table(slot.endpoints)
    assert abs(row.last_success_ms - ago(0)) < 5_000
    assert row.state == "closed"


def test_a_successor_goes_on(slot: board.SlotWriter) -> None:
    hook = webhook()
    for generation in range(1, 4):
        slot.reset(generation)
        meter = Meter(slot)
        meter.delivered(hook, "app", 0.01, ago(20))
        meter.parked(hook, "app")
        meter.publish()
        meter.show_endpoints({}, 0.0)
        (row,) = read_table(slot.endpoints)
        assert (row.attempts, row.parked) == (generation, generation)
        assert slot.words[board.PARKED] == generation
        assert sum(buckets(slot, board.SENDING_AT, SENDING_BOUNDS)) == generation


def test_a_writer_killed_in_the_middle_loses_no_row(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    for _ in range(2):
        meter.delivered(webhook(), "app", 0.01, ago(20))
        meter.show_endpoints({}, 0.0)
    older = slot.endpoints[1]  # number 2 stands in block 0, number 1 in block 1
    older[:8].cast("Q")[0] |= 1
    older[16:60] = bytes(44)
    (row,) = read_table(slot.endpoints)
    assert row.attempts == 2
    again = Meter(slot)
    again.delivered(webhook(), "app", 0.01, ago(20))
    again.show_endpoints({}, 0.0)
    assert read_table(slot.endpoints)[0].attempts == 3


def test_the_table_is_bounded_and_the_rest_is_other(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    many = MOST_ROWS + 50
    for number in range(many):
        meter.delivered(webhook(number, "a" * 500), "a" * 500, 0.01, ago(20))
    meter.show_endpoints({}, 0.0)
    rows = {row.id: row for row in read_table(slot.endpoints)}
    assert len(rows) == MOST_ROWS + 1
    assert rows[OTHER].attempts == 50
    assert sum(row.attempts for row in rows.values()) == many


def test_a_full_table_of_the_largest_rows_fits(slot: board.SlotWriter) -> None:
    meter = Meter(slot)
    for number in range(MOST_ROWS):
        url = f"https://{'h' * 60}.example/{'p/' * 200}{number}"
        hook = Webhook("t", make_endpoint(url, {}), frozenset(), lane=f"{number}")
        failed = meter.failed(
            hook, "é" * 500, Outcome(fault=Fault.BAD_RESPONSE), attempt=2, time_ms=0
        )
        failed.buckets[:] = [2**40] * len(failed.buckets)
        failed.classes.update(dict.fromkeys(CLASS_INDEX, 2**40))
        failed.failed = failed.retried = failed.given_up = failed.parked = 2**40
    meter.show_endpoints({}, 0.0)
    assert len(read_table(slot.endpoints)) == MOST_ROWS
    assert room(slot.endpoints[0]) > 100_000
