"""From a board to the document, its text and its exit code."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sockq.drivers.settings import NoneSettings
from sockq.drivers.source import QueueStats
from sockq.supervisor import board_words as words
from sockq.supervisor.board_snapshot import take, totals
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.problems import EVICTED_SECONDS, POISON_SECONDS, find_problems
from sockq.supervisor.queue_board import QueueBoard
from sockq.supervisor.restart import Cause
from sockq.supervisor.slot_states import SlotState
from sockq.supervisor.status_document import (
    StatusDocument,
    duration,
    exit_code,
    make_document,
    read_status,
    render_plain,
)
from sockq.workers.apps import Webhook
from sockq.workers.board import (
    BEAT_NS,
    DEAD_POISON,
    DELIVERED,
    IN_FLIGHT,
    POISON_NS,
    STATE,
    WorkerState,
)
from sockq.workers.board_memory import Board
from sockq.workers.deaths import Death
from sockq.workers.disabled import Disabled
from sockq.workers.endpoint import make_endpoint
from sockq.workers.meter import Meter
from sockq.workers.outcome import Fault, Outcome

NS = 1_000_000_000


class Picture:
    """A board with two ready workers, to be spoilt."""

    def __init__(self) -> None:
        self.board = Board.create(slots=4)
        settings = FleetSettings(
            Path("/fleet"), 2, NoneSettings(), version="9.8.7", facts={"queue": "webhooks"}
        )
        self.fleet = FleetBoard(self.board, settings)
        self.fleet.set_state(FleetState.RUNNING)
        self.fleet.set(words.TARGET, 2)
        self.fleet.set(words.SLOTS_USED, 2)
        self.now = time.monotonic_ns()
        for index in range(2):
            slot = self.board.slot(index)
            slot.reset(1)
            slot.set_state(WorkerState.READY)
            slot.words[IN_FLIGHT] = 3
            slot.words[DELIVERED] = 100
            self.parent(index, words.PROCESS_PID, 500 + index)
            self.parent(index, words.PROCESS_STATE, SlotState.READY)
            self.parent(index, words.PROCESS_WANTED, 1)
        self.queue = QueueBoard(self.board)
        self.queue.up()
        self.queue.sample({"q": QueueStats(ready=4, leased=6, dead=1, oldest_seconds=4.2)})

    def parent(self, index: int, word: int, value: int) -> None:
        self.board.parent_words(index)[word] = value

    def ago(self, seconds: float) -> int:
        return self.now - int(seconds * NS)

    def document(self) -> StatusDocument:
        return make_document(take(self.board), totals(self.board), Path("/fleet"))


def kinds(document: StatusDocument) -> list[str]:
    return [one["kind"] for one in document["problems"]]


def test_a_healthy_fleet() -> None:
    document = Picture().document()
    assert (document["state"], exit_code(document), document["problems"]) == ("RUNNING", 0, [])
    assert document["schema"] == 1
    assert (document["workers_serving"], document["workers_wanted"]) == (2, 2)
    assert document["queue"]["ready"] == 4
    assert document["queue"]["delayed"] is None
    assert document["totals"]["delivered"] == 200
    assert document["workers"][0]["in_flight"] == 3
    assert document["backend"]["up"] is True
    json.dumps(document)


def test_the_plain_text() -> None:
    head, queue, total, workers = render_plain(Picture().document()).splitlines()
    assert head.startswith("sockq 9.8.7  RUNNING  ")
    assert "  none  up " in head
    assert queue == "queue    webhooks  waiting 4  oldest 4.2s  active 6  delayed -  dead 1"
    assert total.startswith("total    delivered 200  failed 0")
    assert workers == "workers  2/2 up  in flight 6  restarts 0"


def test_disabled_endpoints_are_told_and_are_no_problem() -> None:
    picture = Picture()
    by = ("app", "https://hooks.example/in", int((time.time() - 125) * 1000), "ops, pid 7")
    picture.board.disabled.write([Disabled(f"app/{number:08x}", *by) for number in range(7)])
    document = picture.document()
    assert (document["state"], document["problems"]) == ("RUNNING", [])
    assert document["endpoints_disabled"] == 7
    assert {one["state"] for one in document["endpoints"]} == {"disabled"}
    first = document["endpoints"][0]
    assert (first["disabled_by"], first["disabled_at"]) == ("ops, pid 7", by[2] / 1000)
    told = render_plain(document).splitlines()[4:]
    assert told == [
        *["disabled app https://hooks.example/in  2m05s ago by ops, pid 7"] * 5,
        "disabled 2 more endpoints",
    ]


def test_a_worker_that_is_down_is_a_problem_with_its_last_end() -> None:
    picture = Picture()
    picture.parent(1, words.PROCESS_STATE, SlotState.BACKOFF)
    picture.parent(1, words.PROCESS_PID, 0)
    picture.parent(1, words.PROCESS_DEATHS, 1)
    picture.parent(1, words.PROCESS_LAST_CAUSE, Cause.CRASH)
    picture.parent(1, words.PROCESS_LAST_EXIT, 256 + 9)
    picture.parent(1, words.PROCESS_NEXT_START_NS, picture.ago(-30))
    document = picture.document()
    assert (kinds(document), exit_code(document)) == (["worker-down"], 1)
    worker = document["workers"][1]
    assert (worker["pid"], worker["last_cause"], worker["last_exit"]) == (None, "crash", "SIGKILL")
    assert worker["next_start_seconds"] == pytest.approx(30, abs=1)
    assert "problem  worker-down" in render_plain(document)


def test_a_worker_that_does_not_beat_is_stale() -> None:
    picture = Picture()
    picture.board.slot(0).words[BEAT_NS] = picture.ago(12)
    document = picture.document()
    assert (kinds(document), document["workers"][0]["state"]) == (["stale-worker"], "stale")


def test_a_worker_knows_first_that_it_is_degraded() -> None:
    picture = Picture()
    picture.board.slot(0).words[STATE] = WorkerState.DEGRADED
    assert picture.document()["workers"][0]["state"] == "degraded"


def test_problems_come_worst_first() -> None:
    picture = Picture()
    picture.queue.down()
    picture.board.queue[words.BACKEND_DOWN_SINCE_NS] = picture.ago(20)
    picture.queue.sample({"q": QueueStats(oldest_seconds=90)})
    picture.fleet.set(words.PARENT_BEAT_NS, picture.ago(60))
    picture.fleet.set(words.RETRY_AT_NS, picture.ago(-7))
    picture.fleet.set_state(FleetState.CRASH_LOOP)
    document = picture.document()
    assert kinds(document) == ["parent-silent", "crash-loop", "backend-down", "stale-queue"]
    assert document["state"] == "DEGRADED"


def test_evictions_are_a_problem_for_a_while() -> None:
    picture = Picture()
    picture.queue.sample({"q": QueueStats(evicted=3)})
    picture.queue.sample({"q": QueueStats(evicted=3)})
    document = picture.document()
    assert (kinds(document), document["state"]) == (["evictions"], "DEGRADED")
    assert document["problems"][0]["text"].startswith("the full queue has thrown 3 jobs away")
    seen = take(picture.board)
    long_ago = replace(seen, queue=replace(seen.queue, evicted_seconds=EVICTED_SECONDS + 1))
    assert find_problems(long_ago) == []


def test_a_machine_that_reaches_nobody_is_a_problem() -> None:
    picture = Picture()
    meter = Meter(picture.board.slot(0))
    now_ms = time.time_ns() // 1_000_000
    for host in ("a", "b", "c"):
        url = f"https://{host}.example/in"
        webhook = Webhook("t", make_endpoint(url, {}), frozenset(), lane=f"app {url}")
        fault = Outcome(fault=Fault.DNS, elapsed_seconds=0.1)
        meter.failed(webhook, "app", fault, attempt=1, time_ms=now_ms)
    meter.show_endpoints({}, 0.0)
    document = picture.document()
    assert kinds(document) == ["egress"]
    assert document["problems"][0]["text"].startswith("none of 3 endpoints can be reached (dns)")


def test_poison_is_a_problem_for_a_while() -> None:
    picture = Picture()
    slot = picture.board.slot(1)
    slot.words[DEAD_POISON], slot.words[POISON_NS] = 2, picture.ago(60)
    death = Death("w01", "crash", "SIGSEGV", 5_000, 1.5, 0.25, 38, "q\nj", 1, held=2)
    picture.board.deaths.add(death)
    document = picture.document()
    assert (kinds(document), document["state"]) == (["poison"], "DEGRADED")
    assert document["problems"][0]["text"].startswith("2 jobs killed their workers")
    assert document["totals"]["dead_poison"] == 2
    (told,) = document["deaths"]
    assert (told["worker"], told["cause"], told["exit"], told["at"]) == (
        "w01",
        "crash",
        "SIGSEGV",
        5,
    )
    assert (told["held"], told["alone"]) == (2, "j")
    json.dumps(document)
    long_ago = replace(take(picture.board), poison_seconds=POISON_SECONDS + 1)
    assert find_problems(long_ago) == []


@pytest.mark.parametrize(
    ("state", "word", "code"),
    [
        (FleetState.STARTING, "STARTING", 1),
        (FleetState.PAUSED, "PAUSED", 1),
        (FleetState.DRAINING, "DRAINING", 1),
        (FleetState.STOPPED, "DOWN", 2),
    ],
)
def test_the_states_of_a_fleet(state: FleetState, word: str, code: int) -> None:
    picture = Picture()
    picture.fleet.set_state(state)
    document = picture.document()
    assert (document["state"], exit_code(document)) == (word, code)


def test_the_ring_keeps_the_last_events() -> None:
    picture = Picture()
    for number in range(300):
        picture.fleet.event("info", f"event {number}")
    events = take(picture.board).events
    assert len(events) == 256
    assert events[0].endswith("info event 44")
    assert events[-1].endswith("info event 299")


def test_nothing_runs(tmp_path: Path) -> None:
    document = read_status(tmp_path / "never")
    assert (document["state"], exit_code(document)) == ("DOWN", 2)
    assert "no fleet runs" in render_plain(document)


def test_a_directory_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    document = read_status(tmp_path / "file")
    assert (document["state"], exit_code(document)) == ("UNKNOWN", 3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0s"),
        (9.94, "9.9s"),
        (58.9, "58s"),
        (125, "2m05s"),
        (7860, "2h11m"),
        (273600, "3d04h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
