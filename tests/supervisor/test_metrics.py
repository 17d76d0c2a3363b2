"""The page of metrics: it parses, it is true, it is bounded, and it tells no secret."""

from __future__ import annotations

import subprocess

import pytest
from support.board_picture import SECRET, BoardPicture
from support.http_get import counters, samples, value

from sockq.supervisor import board_words as words
from sockq.supervisor.metrics import Metrics
from sockq.supervisor.restart import Cause
from sockq.supervisor.slot_states import SlotState
from sockq.workers.disabled import Disabled
from sockq.workers.endpoint_stats import OTHER
from sockq.workers.outcome import Fault


def page(picture: BoardPicture, *compat: str) -> str:
    return Metrics(picture.reading, compat).page().decode()


def test_it_says_what_the_board_says() -> None:
    found = samples(page(BoardPicture()))
    assert value(found, "sockq_queue_jobs", queue="queue::queue:webhooks", state="waiting") == 4
    assert value(found, "sockq_queue_oldest_job_age_seconds", queue="queue::queue:webhooks") == 4.2
    assert value(found, "sockq_queue_time_to_clear_seconds") == 2.0
    assert value(found, "sockq_jobs_total", outcome="delivered") == 200
    assert value(found, "sockq_jobs_in_flight") == 6
    assert value(found, "sockq_workers", state="busy") == 2
    assert value(found, "sockq_worker_slots", worker="w00", state="free") == 253
    assert value(found, "sockq_end_to_end_seconds_count") == 6
    assert value(found, "sockq_queue_wait_seconds_count") == 12
    assert value(found, "sockq_build_info", version="9.8.7", backend="none", python=_python()) == 1


def _python() -> str:
    import platform  # noqa: PLC0415

    return platform.python_version()


def test_endpoints_add_up_over_workers() -> None:
    found = samples(page(BoardPicture(endpoints=1)))
    (endpoint,) = {dict(labels)["endpoint"] for name, labels in found if "attempts" in name}
    told = [
        value(found, "sockq_delivery_attempts_total", endpoint=endpoint, outcome=outcome)
        for outcome in ("success", "retry", "dead")
    ]
    assert told == [2, 2, 2]
    assert value(found, "sockq_delivery_responses_total", endpoint=endpoint, code="2xx") == 2
    assert value(found, "sockq_delivery_responses_total", endpoint=endpoint, code="503") == 2
    assert value(found, "sockq_delivery_responses_total", endpoint=endpoint, code="429") == 0
    assert value(found, "sockq_delivery_errors_total", endpoint=endpoint, error="timeout") == 2
    assert value(found, "sockq_delivery_duration_seconds_count", endpoint=endpoint) == 6
    assert value(found, "sockq_delivery_duration_seconds_sum", endpoint=endpoint) == pytest.approx(
        2 * (0.02 + 12.0 + 0.3)
    )
    last = found["sockq_delivery_duration_seconds_bucket", _labels(endpoint, "10.0")]
    assert last == 4
    assert found["sockq_delivery_duration_seconds_bucket", _labels(endpoint, "+Inf")] == 6


def test_a_disabled_endpoint_has_that_state_and_no_other() -> None:
    picture = BoardPicture(endpoints=1)
    (met,) = picture.reading().view.endpoints
    picture.board.disabled.write(
        [
            Disabled(met.id, met.app, met.label, 1_700_000_000_000, "ops"),
            Disabled("app/00000000", "app", "https://hooks.example/never-met", 0, "ops"),
        ]
    )
    found = samples(page(picture))
    for endpoint in (met.id, "app/00000000"):
        states = {
            state: value(found, "sockq_endpoint_state", endpoint=endpoint, state=state)
            for state in ("closed", "open", "half-open", "paused", "disabled")
        }
        assert [state for state, is_so in states.items() if is_so] == ["disabled"]


def _labels(endpoint: str, le: str) -> tuple[tuple[str, str], ...]:
    return (("endpoint", endpoint), ("le", le))


def test_no_secret_and_no_url_is_a_label() -> None:
    text = page(BoardPicture(), "bull", "bullmq")
    assert SECRET not in text
    assert "hooks.example" in text  # of sockq_endpoint_info, for humans
    labels = {label for name, labels in samples(text) for label in labels if name != "x"}
    assert all("hooks.example" not in text for name, text in labels if name != "address")


def test_children_are_there_before_they_count() -> None:
    found = counters(page(BoardPicture(endpoints=1)))
    errors = {dict(labels)["error"] for name, labels in found if name.endswith("errors_total")}
    assert errors == {fault.value for fault in Fault}
    reasons = {dict(labels)["reason"] for name, labels in found if "worker_restarts" in name}
    assert reasons == {cause.label for cause in Cause}
    outcomes = {dict(labels)["outcome"] for name, labels in found if name == "sockq_jobs_total"}
    dead = {"dead", "invalid", "tampered", "unknown_app", "poison"}
    assert outcomes == {"delivered", "filtered", *dead}


def test_endpoints_beyond_the_limit_are_other() -> None:
    picture = BoardPicture(endpoints=230)
    metrics = Metrics(picture.reading)
    before = counters(metrics.page().decode())
    after = counters(metrics.page().decode())
    attempts = [dict(labels) for name, labels in after if "delivery_attempts" in name]
    assert len({one["endpoint"] for one in attempts}) == 201
    assert OTHER in {one["endpoint"] for one in attempts}
    every = sum(n for (name, _), n in after.items() if name == "sockq_delivery_attempts_total")
    assert every == 230 * 2 * 3
    assert all(after[key] >= number for key, number in before.items())


def test_what_is_not_known_is_not_told() -> None:
    picture = BoardPicture()
    picture.board.parent_words(1)[words.PROCESS_PID] = 0
    picture.board.parent_words(1)[words.PROCESS_STATE] = SlotState.HELD
    found = samples(page(picture))
    assert ("sockq_worker_heartbeat_age_seconds", (("worker", "w01"),)) not in found
    assert value(found, "sockq_worker_crash_loop", worker="w01") == 1
    assert value(found, "sockq_workers", state="backoff") == 1


def test_other_exporters_names() -> None:
    assert "bull" not in page(BoardPicture())
    found = samples(page(BoardPicture(), "bull", "bullmq"))
    one = {"queue": "webhooks", "prefix": "queue::queue"}
    assert value(found, "bull_queue_waiting", **one) == 4
    assert value(found, "bull_queue_failed", **one) == 1
    assert value(found, "bull_queue_completed", queue="webhooks", prefix="") == 200
    summary = {"queue": "webhooks", "prefix": ""}
    assert value(found, "bull_queue_complete_duration_count", **summary) == 18
    assert value(found, "bull_queue_complete_duration", **summary, quantile="0.5") > 0
    assert value(found, "bullmq_job_count", queue="webhooks", state="active") == 6
    assert value(found, "bullmq_job_completed_total", queue="webhooks") == 200


def test_evictions_go_on_counting_when_the_broker_starts_anew() -> None:
    from sockq.drivers.source import QueueStats  # noqa: PLC0415

    picture = BoardPicture()
    for said in (5, 9, 2, 4):
        picture.queue.sample({"q": QueueStats(evicted=said)})
    assert value(samples(page(picture)), "sockq_queue_evicted_total") == 13


def test_promtool_finds_nothing_to_say() -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=page(BoardPicture()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
