"""The attempt log: which requests get a line, and what it says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from sockq.workers.attempt_log import Attempt, AttemptLog
from sockq.workers.logs import Log
from sockq.workers.outcome import Fault, Outcome
from sockq.workers.retry import GiveUp, TryAgain


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def attempt(outcome: Outcome, endpoint: str = "https://hooks.example/in") -> Attempt:
    return Attempt("job-1", "job-1:t", "app-1", "webhooks", endpoint, 2, 1500, 321, outcome)


def lines(pipe: tuple[int, int]) -> list[dict[str, object]]:
    os.set_blocking(pipe[0], False)
    try:
        return [json.loads(line) for line in os.read(pipe[0], 60_000).splitlines()]
    except BlockingIOError:
        return []


COMMON = {
    "process": "w01",
    "job": "job-1",
    "delivery": "job-1:t",
    "app": "app-1",
    "queue": "webhooks",
    "endpoint": "https://hooks.example/in",
    "attempt": 2,
    "age_ms": 1500,
    "bytes_out": 321,
}


def test_a_failure_says_what_came_back_and_what_comes_of_it(pipe: tuple[int, int]) -> None:
    log = AttemptLog(Log("w01", pipe[1]), 0.0)
    outcome = Outcome(status=503, detail="busy", retry_after_seconds=7.0, elapsed_seconds=0.25)
    log.failed(attempt(outcome), TryAgain(7.5))
    (line,) = lines(pipe)
    assert str(line.pop("time")).endswith("Z")
    assert line == COMMON | {
        "level": "warning",
        "event": "attempt-failed",
        "outcome": "503",
        "status": 503,
        "ms": 250,
        "reason": "status 503",
        "detail": "busy",
        "retry_after_seconds": 7.0,
        "retry_in_ms": 7500,
    }


def test_the_last_failure_has_no_next_try(pipe: tuple[int, int]) -> None:
    log = AttemptLog(Log("w01", pipe[1]), 0.0)
    log.failed(attempt(Outcome(fault=Fault.TIMEOUT, elapsed_seconds=10.0)), GiveUp("enough"))
    (line,) = lines(pipe)
    assert (line["outcome"], line["reason"], line["ms"]) == ("timeout", "timeout", 10_000)
    assert not {"status", "retry_in_ms", "detail"} & line.keys()


def test_a_success_is_short(pipe: tuple[int, int]) -> None:
    AttemptLog(Log("w01", pipe[1]), 1.0).delivered(
        attempt(Outcome(status=202, elapsed_seconds=0.012))
    )
    (line,) = lines(pipe)
    assert str(line.pop("time")).endswith("Z")
    assert line == COMMON | {
        "level": "info",
        "event": "attempt-delivered",
        "outcome": "2xx",
        "status": 202,
        "ms": 12,
    }


def test_every_failure_has_its_line_where_programs_read(pipe: tuple[int, int]) -> None:
    log = AttemptLog(Log("w01", pipe[1]), 0.0)
    for _ in range(50):
        log.failed(attempt(Outcome(status=500)), TryAgain(1.0))
    assert len(lines(pipe)) == 50


def test_on_a_terminal_an_endpoint_repeats_itself_once_in_a_while(pipe: tuple[int, int]) -> None:
    log = AttemptLog(Log("w01", pipe[1], readable=True), 0.0)
    for endpoint in ("a", "a", "b", "a"):
        log.failed(attempt(Outcome(status=500), endpoint), TryAgain(1.0))
    said = os.read(pipe[0], 60_000).decode().splitlines()
    assert [line.count("endpoint=a") for line in said] == [1, 0]
