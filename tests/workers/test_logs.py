"""One line per event: bounded, whole, and never in the way."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator

import pytest

from sockq.workers.logs import LINE_BYTES, Event, Log, render


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def test_a_line_is_json_with_what_happened(pipe: tuple[int, int]) -> None:
    Log("w03", pipe[1]).warning(Event.PROCESS_ENDED, pid=5, cause=None, seconds=1.23456)
    line = os.read(pipe[0], 9999)
    assert line.endswith(b"\n")
    said = json.loads(line)
    assert said.pop("time").endswith("Z")
    assert said == {
        "level": "warning",
        "process": "w03",
        "event": "process-ended",
        "pid": 5,
        "seconds": 1.235,
    }


def test_a_line_for_humans_has_no_control_characters(pipe: tuple[int, int]) -> None:
    Log("w03", pipe[1], readable=True).error(Event.FORK_FAILED, error="bad\n\x1b[31mnews")
    line = os.read(pipe[0], 9999).decode()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert 'error="bad' in line or "error=bad" in line


@pytest.mark.parametrize("readable", [True, False])
def test_a_line_never_exceeds_one_atomic_write(readable: bool) -> None:
    fields = {f"field{n}": "ä" * 5000 for n in range(20)} | {"pid": 7}
    line = render(time.time(), "info", "w00", "event", fields, readable=readable)
    assert len(line) <= LINE_BYTES
    assert b"cut" in line
    assert b"7" in line


def test_a_full_pipe_costs_lines_not_time(pipe: tuple[int, int]) -> None:
    room = fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 4096)
    os.write(pipe[1], b"x" * room)
    log = Log("parent", pipe[1])
    began = time.monotonic()
    for _ in range(100):
        log.info(Event.FLEET_READY)
    assert time.monotonic() - began < 1.0
    assert log.dropped == 100
    os.read(pipe[0], room)
    log.info(Event.FLEET_READY)
    assert log.dropped == 100


def test_a_closed_stderr_costs_lines_only() -> None:
    read_end, write_end = os.pipe()
    log = Log("parent", write_end)
    os.close(write_end)
    os.close(read_end)
    log.info(Event.FLEET_READY)
    assert log.dropped == 1
