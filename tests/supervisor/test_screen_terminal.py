"""The terminal comes back however the screen ends, and a fault in a picture ends nothing."""

from __future__ import annotations

import os
import pty
import sys
import termios
from pathlib import Path

import pytest
from support.pty_screen import PtyScreen

from sockq.supervisor.drain_notice import DrainNotice, drain_line
from sockq.supervisor.screen_control import carry_out
from sockq.supervisor.screen_terminal import Terminal
from sockq.supervisor.screen_ui import Act

_FAULTY = """
import sys
from sockq.supervisor import screen_loop
from sockq.supervisor.status_command import StatusOptions, show_status
draw, left = screen_loop.view, [3]
def view(*args):
    if left[0]:
        left[0] -= 1
        raise ValueError("no such thing")
    return draw(*args)
screen_loop.view = view
sys.exit(show_status(StatusOptions(directory=sys.argv[1])))
"""


def test_an_exception_gives_the_terminal_back() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)

    def show() -> None:
        with Terminal(slave, slave) as terminal:
            assert termios.tcgetattr(slave) != before
            assert terminal.size.width == 80
            assert os.read(master, 4096).startswith(b"\x1b[?1049h")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        show()
    assert termios.tcgetattr(slave) == before
    assert os.read(master, 4096).endswith(b"\x1b[?25h\x1b[?1049l")
    os.close(slave)
    os.close(master)


def test_a_picture_that_cannot_be_drawn_is_said_and_the_next_one_may(tmp_path: Path) -> None:
    with PtyScreen([sys.executable, "-c", _FAULTY, str(tmp_path)]) as seen:
        seen.shows("ValueError: no such thing")
        seen.shows("no fleet runs in")
        seen.type("q")
        assert seen.wait() == 2
        assert seen.modes() == seen.before


def test_a_terminal_that_goes_away_ends_the_screen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sockq.supervisor", "status", "--dir", str(tmp_path)]
    seen = PtyScreen(command)
    seen.shows("no fleet runs in")
    seen.hang_up()
    assert seen.process.wait(10) == 129


def test_a_fleet_that_is_not_there_is_said_in_the_bar(tmp_path: Path) -> None:
    assert carry_out(tmp_path, Act("pause", "pause")) == f"no fleet runs in {tmp_path}"


@pytest.mark.parametrize(
    ("left", "most", "line"),
    [
        (
            40,
            40,
            "draining [--------------------] 40 of 40 jobs left, at most 23 s; Ctrl-C hurries",
        ),
        (
            10,
            40,
            "draining [###############-----] 10 of 40 jobs left, at most 23 s; Ctrl-C hurries",
        ),
        (0, 40, "draining [####################] no job left, waiting for the processes"),
        (0, 0, "draining [####################] no job left, waiting for the processes"),
    ],
)
def test_a_drain_in_a_line(left: int, most: int, line: str) -> None:
    assert drain_line(left, most, 23.2) == line


def test_a_drain_is_told_once_a_second_and_only_to_terminals() -> None:
    master, slave = pty.openpty()
    notice = DrainNotice(slave)
    for now, left in ((0.0, 9), (0.5, 8), (1.1, 7), (2.2, 0), (3.3, 0)):
        notice.look(now, 25.0, left)
    told: list[str] = []
    while len(told) < 3:  # a terminal hands over line by line
        told += os.read(master, 4096).decode().splitlines()
    assert [line.split("] ")[1][:9] for line in told] == ["9 of 9 jo", "7 of 9 jo", "no job le"]
    os.close(slave)
    os.close(master)
    read, write = os.pipe()
    DrainNotice(write).look(0.0, 25.0, 9)
    os.close(write)
    assert os.read(read, 100) == b""
    os.close(read)
