"""What the operator has disabled: kept in a file, shown on the board, told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fleet_fixtures import Start
from support.until import until

from sockq.drivers.settings import NoneSettings
from sockq.supervisor.disabling import (
    DISABLED_NAME,
    DisabledFileError,
    Disabling,
    read_disabled,
)
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.fleet_board import FleetBoard
from sockq.workers.board_memory import Board
from sockq.workers.disabled import MOST_BYTES, Disabled
from sockq.workers.logs import Log

ID = "app/0123abcd"


def begin(directory: Path) -> tuple[Disabling, Board]:
    board = Board.create(slots=1)
    fleet = FleetBoard(board, FleetSettings(directory, 1, NoneSettings()))
    return Disabling(directory, read_disabled(directory), fleet, Log("parent")), board


def test_it_is_kept_for_the_next_parent_and_for_this_user_alone(tmp_path: Path) -> None:
    first, board = begin(tmp_path)
    assert first.disable(ID, "app", "https://h/…", "ops, pid 1")
    assert not first.disable(ID, "app", "https://h/…", "somebody else")
    assert first.disable("b/00000000", "b", "l", "")
    path = tmp_path / DISABLED_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    second, again = begin(tmp_path)
    assert [one.by for one in again.disabled.read()] == ["ops, pid 1", ""]
    assert again.disabled.read() == board.disabled.read()
    enabled = second.enable(ID, "ops")
    assert enabled is not None
    assert enabled.label == "https://h/…"
    assert second.enable(ID, "ops") is None
    _, last = begin(tmp_path)
    assert [one.id for one in last.disabled.read()] == ["b/00000000"]
    assert [one.name for one in tmp_path.iterdir()] == [DISABLED_NAME]


def test_it_is_in_the_log_and_among_the_events(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    disabling, board = begin(tmp_path)
    disabling.disable(ID, "app", "https://h/…", "ops, pid 1")
    disabling.enable(ID, "root, pid 2")
    disabling.disable(ID, "app", "https://h/…", "ops, pid 3")
    begin(tmp_path)
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(one["event"], one.get("by")) for one in told] == [
        ("endpoint-disabled", "ops, pid 1"),
        ("endpoint-enabled", "root, pid 2"),
        ("endpoint-disabled", "ops, pid 3"),
        ("endpoints-left-disabled", None),
    ]
    assert {one["endpoint"] for one in told[:3]} == {"https://h/…"}
    shown = bytes(board.event(0)).decode("utf-8", "replace")
    assert "warning endpoint disabled: app https://h/… (ops, pid 1)" in shown


@pytest.mark.parametrize("text", ["", "no json", '[{"id": 3}]', " " * 2 * MOST_BYTES])
def test_a_file_that_cannot_be_read_is_never_taken_for_an_empty_one(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / DISABLED_NAME
    path.write_text(text)
    with pytest.raises(DisabledFileError, match="cannot tell which") as error:
        read_disabled(tmp_path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    path.unlink()
    assert read_disabled(tmp_path) == ()


def too_many(disabling: Disabling) -> None:
    label = "l" * (MOST_BYTES // 16)  # each one writes all again: a few large ones are as many
    for number in range(16):
        disabling.disable(f"app/{number:08x}", "app", label, "")


def full_disk(disabling: Disabling) -> None:
    os.mkdir(disabling._path.with_suffix(".new"))  # noqa: PTH102 - stands in the way of the file
    disabling.disable("app/00000001", "app", "l", "")


@pytest.mark.parametrize("fault", [too_many, full_disk])
def test_what_cannot_be_kept_is_not_done(
    tmp_path: Path, fault: Callable[[Disabling], None]
) -> None:
    disabling, board = begin(tmp_path)
    disabling.disable(ID, "app", "l", "")
    with pytest.raises((OSError, ValueError)):
        fault(disabling)
    kept: tuple[Disabled, ...] = read_disabled(tmp_path)
    assert kept[0].id == ID
    assert board.disabled.read() == kept


def test_a_fleet_does_not_start_without_knowing_what_is_disabled(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    run.signal(15)
    run.wait()
    (run.directory / DISABLED_NAME).write_text("[")
    refused = start(workers=1)
    assert refused.wait() == 78
    assert refused.stderr.count("\n") == 1
    assert "remove it to enable all" in refused.stderr
    (run.directory / DISABLED_NAME).unlink()
    start(workers=1).until_serving(1)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"cmd": "enable", "id": ID}, '"did":"was not disabled"'),
        ({"cmd": "enable"}, '"did":"was not disabled"'),
        ({"cmd": "disable"}, '"error":"say which endpoint: id, app and label as in the status"'),
        ({"cmd": "disable", "id": "app", "app": "a", "label": "l"}, '"error":"say which'),
        ({"cmd": "disable", "id": 7, "app": "a", "label": "l"}, '"error":"say which'),
        ({"cmd": "disable", "id": ID, "app": "a", "label": ""}, '"error":"say which'),
        ({"cmd": "disable", "id": ID, "app": "a", "label": "l\n\u001b"}, '"did":"disabled a l??:'),
    ],
)
def test_the_parent_takes_no_nonsense(
    start: Start, request_: dict[str, object], answer: str
) -> None:
    run = start(workers=1)
    run.until_serving(1)
    (said,) = run.ask(json.dumps(request_).encode())
    assert answer in said.decode()


def test_repeats_say_so_and_the_status_shows_it(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    named = {"id": ID, "app": "app", "label": "https://h/", "by": "ops, pid 9"}
    disable = json.dumps({"cmd": "disable", **named}).encode()
    enable = json.dumps({"cmd": "enable", **named}).encode()
    said = [json.loads(one)["did"] for one in run.ask(disable, disable)]
    assert said == [
        "disabled app https://h/: nothing is sent there until it is enabled",
        "was disabled already: app https://h/",
    ]
    status = run.status()
    assert (status["state"], status["problems"], status["endpoints_disabled"]) == ("RUNNING", [], 1)
    (row,) = status["endpoints"]
    assert (row["id"], row["state"], row["disabled_by"]) == (ID, "disabled", "ops, pid 9")
    said = [json.loads(one)["did"] for one in run.ask(enable, enable)]
    assert said == [
        "enabled app https://h/: what was held back is sent within a minute",
        "was not disabled",
    ]
    until(lambda: run.status()["endpoints"] == [])
    assert [one["by"] for one in run.events("control-asked")] == ["ops, pid 9"] * 4
