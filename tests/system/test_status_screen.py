"""``sockq status`` on a real terminal, over a real fleet: what is seen, and what is left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from support.fleet import Fleet
from support.jobs import app
from support.pty_screen import PtyScreen
from support.until import until

CONFIG = {
    "queue": {"driver": "memory"},
    "app_manager": {"driver": "memory", "array": {"apps": [app(1, "http://127.0.0.1:9/in")]}},
    "sockq": {"drain_seconds": 5},
}
_COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7][0-9;]*m")


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(CONFIG, workers=2) as running:
        yield running


def screen(fleet: Fleet, *args: str, **options: object) -> PtyScreen:
    return PtyScreen(fleet.command("status", *args), **options)  # type: ignore[arg-type]


def test_a_killed_worker_is_seen_with_its_cause_and_so_is_its_replacement(fleet: Fleet) -> None:
    with screen(fleet) as seen:
        seen.shows("RUNNING")
        seen.shows("workers 2/2")
        victim = fleet.worker_pids()[0]
        seen.shows(f"{victim} idle")
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        seen.until(lambda text: "killed (SIGKILL)" in text, within=1.0)
        seen.resize(120, 40)
        seen.until(lambda text: "workers 2/2" in text and f" {victim} " not in text, within=2.0)
        fresh = until(lambda: [one for one in fleet.worker_pids() if one != victim], within=2.0)
        seen.until(lambda text: all(f" {pid} idle" in text for pid in fresh), within=2.0)
        assert time.monotonic() - killed < 3.0
        seen.until(lambda text: text.count("q quit") == 1 and "K restart" in text.splitlines()[39])
        assert all(cell_len(line) == 120 for line in seen.lines())
        seen.resize(70, 20)
        seen.until(lambda text: len(text.splitlines()[0]) == 70 and "q quit" in text)
        seen.resize(40, 10)
        seen.until(lambda text: text.startswith("sockq RUNNING needs 60x15"))
        seen.type("q")
        assert seen.wait() == 0


@pytest.mark.parametrize(
    ("how", "code"),
    [("q", 0), ("\x03", 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)],
)
def test_the_terminal_is_given_back_as_it_was(
    fleet: Fleet, how: str | signal.Signals, code: int
) -> None:
    with screen(fleet) as seen:
        seen.shows("workers 2/2")
        assert seen.modes() != seen.before
        if isinstance(how, str):
            seen.type(how)
        else:
            seen.process.send_signal(how)
        assert seen.wait() == code
        assert seen.modes() == seen.before
        assert seen.raw.count(b"\x1b[?1049h") == seen.raw.count(b"\x1b[?1049l") == 1
        assert seen.raw.rstrip().endswith(b"\x1b[?25h\x1b[?1049l")


@pytest.mark.skipif(not shutil.which("bash"), reason="a shell with job control")
def test_it_stops_and_goes_on_as_any_program(fleet: Fleet) -> None:
    with PtyScreen(["bash", "--norc", "--noprofile", "-i"], env={"PS1": "$ "}) as seen:
        seen.shows("$ ")
        seen.type(f"clear; {' '.join(fleet.command('status'))}\r")
        seen.shows("workers 2/2")
        seen.type("\x1a")
        seen.shows("Stopped")
        seen.type("clear; echo here again\r")
        seen.shows("here again")
        seen.type("fg\r")
        seen.shows("workers 2/2")
        seen.type("q")
        until(lambda: seen.text and seen.raw.endswith(b"$ "))
        seen.type("echo left with $?\r")
        seen.shows("left with 0")
        seen.type("exit\r")
        seen.wait()


def test_keys_move_filter_and_print_what_was_picked(fleet: Fleet) -> None:
    with screen(fleet) as seen:
        seen.shows("workers 2/2")
        seen.type("2/!w00\r")
        seen.shows("(1 shown)")
        seen.type("jy")
        seen.shows("1 to be printed after leaving")
        seen.type("\r")
        seen.shows("generation")
        seen.type("\x1b")
        seen.shows("(1 shown)")
        seen.type("\x1b[C")  # right: the endpoints
        seen.shows("worst first")
        seen.type("?")
        seen.shows("these keys")
        seen.type("q")
        assert seen.wait() == 0
    assert b'{"name": "w01"' in seen.raw.rsplit(b"\x1b[?1049l", 1)[1]


def test_an_act_asks_first_and_says_what_the_fleet_answered(fleet: Fleet) -> None:
    with screen(fleet) as seen:
        seen.shows("workers 2/2")
        seen.type("P")
        seen.shows("pause fetching of the whole fleet? type y")
        seen.type("n")
        seen.shows("nothing was done")
        seen.type("Py")
        seen.shows("PAUSED")
        seen.type("P")
        seen.shows("resume fetching?")
        seen.type("y")
        seen.until(lambda text: "PAUSED" not in text)
        seen.type("3j")
        seen.type("K")
        seen.shows("select a worker")


def test_a_screen_that_only_reads_hides_what_acts(fleet: Fleet) -> None:
    with screen(fleet, "--read-only", size=(120, 40)) as seen:
        assert "P pause" not in seen.shows("workers 2/2")
        seen.type("P")
        seen.shows("this screen only reads")


def test_no_color_leaves_the_words_and_the_weight(fleet: Fleet) -> None:
    with screen(fleet, env={"NO_COLOR": "1"}) as plain, screen(fleet) as coloured:
        plain.shows("workers 2/2")
        coloured.shows("workers 2/2")
        assert _COLOUR.search(coloured.raw)
        assert not _COLOUR.search(plain.raw)
        assert b"\x1b[1m" in plain.raw


@pytest.mark.parametrize("env", [{"LANG": "C"}, {"LC_ALL": "POSIX"}, {"LANG": ""}])
def test_a_locale_without_utf8_gets_ascii(fleet: Fleet, env: dict[str, str]) -> None:
    with screen(fleet, env=env) as seen:
        assert seen.shows("workers 2/2").isascii()


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"CI": "true"}])
def test_where_nobody_looks_it_is_text_once(fleet: Fleet, env: dict[str, str]) -> None:
    with screen(fleet, env=env) as seen:
        assert seen.wait() == 0
        assert "RUNNING" in seen.text
        assert b"\x1b" not in seen.raw


def test_once_is_text_on_a_terminal_too(fleet: Fleet) -> None:
    with screen(fleet, "--once") as seen:
        assert seen.wait() == 0
        assert b"\x1b" not in seen.raw


def hear_interrupts() -> None:
    """A shell's background job, as tests may be run, has them ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_watch_prints_a_line_each_time_until_it_is_interrupted(fleet: Fleet) -> None:
    process = subprocess.Popen(
        fleet.command("status", "--watch", "0.2"),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - one call, no locks
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    process.stdout.close()
    assert all("RUNNING" in line and "workers 2/2" in line for line in lines)
    assert "ok 0.0/s" in lines[-1]


def test_a_fleet_that_is_gone_is_down_on_the_screen_and_in_the_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sockq.supervisor", "status", "--dir", str(tmp_path)]
    with PtyScreen(command) as seen:
        seen.shows("no fleet runs in")
        seen.type("q")
        assert seen.wait() == 2


def test_run_with_the_screen_drains_when_it_is_left(socket_dir: Path) -> None:
    config = socket_dir / "config.json"
    config.write_text(json.dumps(CONFIG))
    command = [sys.executable, "-m", "sockq.supervisor", "run", "--mode", "worker"]
    command += ["--config", str(config), "--dir", str(socket_dir / "r"), "--workers", "1"]
    with PtyScreen([*command, "--status"], env={"SOCKQ_HTTP": "off"}) as seen:
        seen.shows("workers 1/1", within=20)
        seen.shows("fleet.log")
        seen.type("\x03")
        seen.shows("drain and stop the fleet? type y")
        seen.type("y")
        assert seen.wait(20) == 0
        assert seen.modes() == seen.before
        assert "the fleet has stopped with 0" in seen.text
    assert "fleet-stopped" in (socket_dir / "r" / "fleet.log").read_text()


def test_enqueueing_many_shows_how_far_it_is(fleet: Fleet) -> None:
    job = ("--app", "app-id", "--event", "channel_occupied", "--channel", "c")
    command = fleet.command("enqueue", *job, "--config", str(fleet.config_path))
    with PtyScreen([*command, "--count", "20000"], size=(100, 24)) as seen:
        assert seen.wait(30) == 0
        assert "enqueued 20000 jobs into" in seen.text
        shares = {int(found) for found in re.findall(rb"(\d+)%", seen.raw)}
        assert "enqueue" in seen.raw.decode()
        assert max(shares) <= 100
        assert len(shares) > 1, "it moved"
        assert "%" not in seen.text, "and went when it was done"
    with PtyScreen(command) as seen:
        assert seen.wait(30) == 0
        assert b"%" not in seen.raw, "one job needs no bar"


def test_a_drain_on_a_terminal_says_how_many_are_left(socket_dir: Path) -> None:
    config = socket_dir / "config.json"
    config.write_text(json.dumps(CONFIG))
    command = [sys.executable, "-m", "sockq.supervisor", "run", "--mode", "worker"]
    command += ["--config", str(config), "--dir", str(socket_dir / "r"), "--workers", "1"]
    with PtyScreen(command, size=(200, 24), env={"SOCKQ_HTTP": "off"}) as seen:
        seen.shows("fleet-ready", within=20)
        seen.type("\x03")
        assert seen.wait(20) == 0
        assert "draining [####################] no job left" in seen.text
