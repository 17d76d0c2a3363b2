"""When a fleet counts as alive and as ready."""

from __future__ import annotations

import pytest
from support.board_picture import BoardPicture

from sockq.supervisor import board_words as words
from sockq.supervisor.board_snapshot import take
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.http_settings import join, parse_address, parse_compat
from sockq.supervisor.probes import health, readiness
from sockq.supervisor.slot_states import SlotState

NS = 1_000_000_000


def test_a_good_fleet_is_both() -> None:
    view = take(BoardPicture().board)
    assert (health(view), readiness(view)) == ([], [])


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (FleetState.STARTING, "starting"),
        (FleetState.PAUSED, "paused"),
        (FleetState.CRASH_LOOP, "crash loop"),
        (FleetState.DRAINING, "draining"),
        (FleetState.STOPPED, "stopped"),
    ],
)
def test_only_a_running_fleet_is_ready(state: FleetState, reason: str) -> None:
    picture = BoardPicture()
    picture.fleet.set_state(state)
    view = take(picture.board)
    assert readiness(view) == [reason]
    assert health(view) == []


def test_without_its_backend_it_is_alive_and_not_ready() -> None:
    picture = BoardPicture()
    picture.queue.down()
    view = take(picture.board)
    assert readiness(view) == ["backend down for 0 s"]
    assert health(view) == []


def test_without_workers_it_is_not_ready() -> None:
    picture = BoardPicture()
    for index in range(2):
        picture.board.parent_words(index)[words.PROCESS_STATE] = SlotState.BACKOFF
    assert readiness(take(picture.board)) == ["no worker is up"]


def test_a_silent_parent_is_neither() -> None:
    picture = BoardPicture()
    picture.board.header[words.PARENT_BEAT_NS] -= 9 * NS
    view = take(picture.board)
    assert health(view) == readiness(view) == ["parent silent for 9 s"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9538", ("127.0.0.1", 9538)),
        ("9538", ("127.0.0.1", 9538)),
        (":80", ("", 80)),
        ("[::1]:0", ("::1", 0)),
        ("example.com:65535", ("example.com", 65535)),
        ("off", None),
        ("OFF", None),
    ],
)
def test_addresses(text: str, address: tuple[str, int] | None) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "x", "host", "host:", "host:65536", "::1:80", "a b:80", "-1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)


def test_compat() -> None:
    assert parse_compat("bull, BullMQ,bull") == ("bull", "bullmq")
    assert parse_compat("") == ()
    with pytest.raises(ValueError, match="there is no 'statsd'"):
        parse_compat("statsd")


def test_join() -> None:
    assert (join("::1", 80), join("h", 80)) == ("[::1]:80", "h:80")
