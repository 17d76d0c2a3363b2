"""From documents to rates, percentiles and one picture of several hosts."""

from __future__ import annotations

import pytest
from support.status_documents import COUNT, SCENES, STEP, fleet

from sockq.supervisor.screen_history import History
from sockq.supervisor.screen_latency import percentile
from sockq.supervisor.screen_model import Model
from sockq.supervisor.screen_picture import Picture, Reading, parse_event
from sockq.supervisor.status_line import LineMaker


def document(at: float, **counters: int) -> dict[str, object]:
    return {"host": "h", "pid": 1, "up_seconds": at, "totals": counters, "queue": {"ready": 5}}


def after(*documents: dict[str, object]) -> History:
    history = History()
    for one in documents:
        history.take(one)
    return history


def test_a_rate_is_that_of_the_last_five_seconds() -> None:
    history = after(*(document(float(at), delivered=at * at) for at in range(20)))
    assert history.rate("delivered") == pytest.approx((19 * 19 - 14 * 14) / 5)
    assert history.rise("delivered", 60) == 19 * 19
    assert history.rate("unknown") == 0


def test_one_document_has_no_rate() -> None:
    assert after(document(1.0, delivered=5)).rate("delivered") is None
    assert after().rate("delivered") is None


def test_a_fleet_that_was_restarted_begins_anew() -> None:
    history = after(document(100.0, delivered=50), document(1.0, delivered=3))
    assert history.rate("delivered") is None
    history.take({"state": "DOWN"})
    assert history.latest is None


def test_a_curve_stands_still_until_its_step_is_over() -> None:
    documents = [document(at / 2, delivered=at * 10) for at in range(41)]
    history = after(*documents)
    curve = history.curve("delivered", 5, 4.0)
    assert curve == pytest.approx([20.0] * 5)
    history.take(document(21.0, delivered=420))
    assert history.curve("delivered", 5, 4.0) == pytest.approx(curve)
    assert history.curve("delivered", 7, 4.0)[:2] == [None, None]
    assert history.waiting_curve(3, 4.0) == [5, 5, 5]


@pytest.mark.parametrize(
    ("counts", "wanted", "value", "beyond"),
    [
        ([10, 0, 0], 50, 0.5, False),
        ([0, 10, 0], 50, 1.5, False),
        ([5, 5, 0], 95, 1.9, False),
        ([5, 0, 5], 95, 2.0, True),
    ],
)
def test_percentiles_are_linear_inside_a_bucket(
    counts: list[int], wanted: float, value: float, beyond: bool
) -> None:
    assert percentile([1.0, 2.0], counts, wanted) == (pytest.approx(value), beyond)
    assert percentile([1.0], [0, 0], 50) is None


def both(tick: int, **ages: float) -> list[Reading]:
    first = fleet(tick, workers=2, endpoints=2)
    second = {**fleet(tick, workers=3, endpoints=1), "host": "edge-8", "version": "0.9.0"}
    return [Reading("a:1", first), Reading("b:1", second, ages.get("second", 0.0), "no answer")]


def picture_of_two(**ages: float) -> Picture:
    model = Model()
    for tick in range(COUNT - 9, COUNT):
        seen = model.take(both(tick, **ages))
    return seen


def test_hosts_of_one_queue_are_added_up_but_its_jobs_are_not() -> None:
    model = Model()
    for tick in range(COUNT):
        readings = [Reading(one.label, one.document) for one in both(tick)]
        seen = model.take(readings)
    alone = Model()
    for tick in range(COUNT):
        one = alone.take([Reading("a:1", fleet(tick, workers=2, endpoints=2))])
    assert (seen.state, seen.wanted, len(seen.workers)) == ("RUNNING", 5, 5)
    assert seen.queue["ready"] == one.queue["ready"]
    assert seen.rates.ok == pytest.approx((one.rates.ok or 0) * 2.5, rel=0.01)
    assert [w["id"] for w in seen.workers][2:] == ["edge-8/w00", "edge-8/w01", "edge-8/w02"]
    assert {"kind": "versions", "text": "hosts run 0.9.0, 1.0.0"} in seen.problems
    curves = [seen.curve("delivered", 4, 10.0), one.curve("delivered", 4, 10.0)]
    assert curves[0] == pytest.approx([2.5 * (value or 0) for value in curves[1]], rel=0.01)


def test_a_host_that_does_not_answer_is_dim_then_lost() -> None:
    late = picture_of_two(second=16.0)
    assert [one["old"] for one in late.workers] == [False, False, True, True, True]
    assert late.problems[0] == {"kind": "late", "text": "b:1: no answer, 16s old"}
    lost = picture_of_two(second=31.0)
    assert {one["state"] for one in lost.workers[2:]} == {"lost"}
    assert (lost.state, lost.wanted, lost.problems[0]["kind"]) == ("DEGRADED", 2, "lost")


def test_a_document_of_another_version_with_hardly_any_field_is_shown() -> None:
    seen = Model().take(
        [Reading("x", {"schema": 1, "state": "RUNNING", "workers": [{"name": "w00"}]})]
    )
    assert (seen.state, seen.endpoints, seen.rates.ok) == ("RUNNING", None, None)


def test_workers_tell_what_they_use() -> None:
    model = Model()
    for tick in range(COUNT):
        seen = model.take([Reading("x", SCENES["degraded"](tick))])
    worker = seen.workers[0]
    rise = worker["ok_rate"] * STEP
    assert worker["cpu_percent"] == pytest.approx(rise / STEP / 2000 * 100)
    assert worker["error_percent"] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("1787400000500 error w00 crash", "error", "w00 crash"),
        ("nonsense", "info", "nonsense"),
        ("", "info", ""),
    ],
)
def test_events_are_read_as_the_board_keeps_them(line: str, level: str, text: str) -> None:
    event = parse_event(line)
    assert (event.level, event.text) == (level, text)


def test_a_line_that_sums_up() -> None:
    maker = LineMaker()
    for tick in range(COUNT):
        line = maker.line([Reading("x", SCENES["degraded"](tick))])
    assert "DEGRADED  waiting 1,284  oldest 1m15s  ok 61.0/s  err 1.9%" in line
    assert line.endswith("stale-queue: the oldest job has waited for 75s (+1)")
