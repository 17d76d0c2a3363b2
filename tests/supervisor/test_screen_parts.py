"""The parts of the live screen by tables: keys, text, numbers, columns, choices."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.cells import cell_len
from support.screen_typing import picture, type_keys

from sockq.supervisor import screen_numbers as numbers
from sockq.supervisor.commands import Commands
from sockq.supervisor.screen_acts import act_of
from sockq.supervisor.screen_decoder import KeyDecoder
from sockq.supervisor.screen_keys import KEYS
from sockq.supervisor.screen_paint import Painter
from sockq.supervisor.screen_press import press
from sockq.supervisor.screen_rows import rows_of
from sockq.supervisor.screen_text import UNICODE, Span, clean, clip, ends, fit, flow, plain, wrap
from sockq.supervisor.screen_ui import Act, Leave, Ui
from sockq.supervisor.status_screen import glyphs_for


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"jK?", ["j", "K", "?"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA\x1bOH", ["up", "home"]),
        (b"\x1b[5~\x1b[6~\x1b[1~\x1b[4~", ["pgup", "pgdn", "home", "end"]),
        (b"\x1b[1;5A", ["up"]),
        (b"\x1b[Z\t\r\x7f\x03\x0c", ["backtab", "tab", "enter", "backspace", "ctrl-c", "redraw"]),
        ("é世".encode(), ["é", "世"]),
        (b"\xff", ["\ufffd"]),
        (b"\x1bx", []),
        (b"\x1b\x1b[A", ["esc", "up"]),
        (b"\x1b[200~ab", ["a", "b"]),
        (b"\x01\x02", []),
    ],
)
def test_bytes_become_keys_however_they_are_cut(data: bytes, keys: list[str]) -> None:
    assert KeyDecoder().feed(data) == keys
    slowly = KeyDecoder()
    assert [key for byte in data for key in slowly.feed(bytes([byte]))] == keys


def test_a_lone_escape_is_a_key_when_nothing_follows() -> None:
    decoder = KeyDecoder()
    assert (decoder.feed(b"\x1b"), decoder.pending) == ([], True)
    assert (decoder.flush(), decoder.pending) == (["esc"], False)
    decoder.feed(b"\x1b[1;")
    assert decoder.flush() == []
    assert KeyDecoder().feed(b"\x1b[" + b"1" * 40) == ["1"] * 10


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("世界", 3, "世…"), ("世界", 4, "世界"), ("a", 0, "")],
)
def test_clipped_text_never_takes_more_cells(text: str, width: int, shown: str) -> None:
    assert clip(text, width) == shown
    assert cell_len(plain(fit([Span(text)], width))) == width


def test_what_could_move_the_cursor_is_not_shown() -> None:
    assert clean("a\x1b[31mb\nc\u202ed") == "a?[31mb c?d"


def test_rows_with_two_ends_and_items_that_flow() -> None:
    assert plain(ends([Span("left")], [Span("right")], 12)) == "left   right"
    assert plain(ends([Span("a long left")], [Span("right")], 10)) == "a lo…right"
    items = [[Span("one")], [Span("a long one")], [Span("two")]]
    assert plain(flow(items, 12)) == " one   two"
    assert wrap("one two three four", 8, 2) == ["one two", "three four"]


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (numbers.count(None), "-"),
        (numbers.count(1284), "1,284"),
        (numbers.count(812_345), "812k"),
        (numbers.count(12_345_678), "12.3M"),
        (numbers.rate(0.04), "0.0"),
        (numbers.rate(1240.4), "1,240"),
        (numbers.percent(0.84), "0.8"),
        (numbers.percent(100.0), "100"),
        (numbers.milliseconds(0.42), "0.4ms"),
        (numbers.milliseconds(41.4), "41ms"),
        (numbers.milliseconds(1900), "1.9s"),
        (numbers.memory(88 * 1024 * 1024), "88M"),
        (numbers.memory(1.5 * 1024**3), "1.5G"),
        (numbers.countdown(3.2), " 3s"),
        (numbers.countdown(None), ""),
        (numbers.spark([None, 0, 1, 4, 8], UNICODE), " ▁▂▅█"),
    ],
)
def test_numbers(shown: str, text: str) -> None:
    assert shown == text


@pytest.mark.parametrize(
    ("environ", "is_ascii"),
    [
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "C.utf8"}, False),
        ({"LANG": "C"}, True),
        ({}, True),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, True),  # what Python makes of LANG=C
        ({"LC_CTYPE": "en_US.UTF-8"}, False),
        ({"LC_ALL": "POSIX", "LANG": "C.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
    ],
)
def test_the_locale_decides_over_the_characters(environ: dict[str, str], is_ascii: bool) -> None:
    assert glyphs_for(environ).ascii is is_ascii
    assert glyphs_for(environ, ascii_only=True).ascii


def test_only_lines_that_changed_are_painted() -> None:
    painter = Painter({"TERM": "xterm"})
    rows = [[Span("one", "ok")], [Span("two")]]
    assert "\x1b[32mone" in painter.frame(rows)
    assert painter.frame(rows) == ""
    changed = painter.frame([rows[0], [Span("three")]])
    assert "three" in changed
    assert "one" not in changed
    painter.forget()
    assert "one" in painter.frame(rows)


def test_the_cursor_stays_on_its_row() -> None:
    ui, seen = Ui(), picture()
    type_keys(ui, "jj", seen)
    assert ui.cursors == {"workers": "w01"}
    press(ui, "end", seen, 0.0)
    type_keys(ui, "k", seen)
    assert ui.cursors == {"workers": "w04"}
    press(ui, "esc", seen, 0.0)
    assert ui.cursors == {}


def test_filter_order_and_faults_choose_the_rows() -> None:
    ui, seen = Ui(view=1), picture()

    def names() -> list[str]:
        return [one["id"] for one in rows_of(seen, ui, "workers").items]

    assert names() == ["w00", "w01", "w02", "w03", "w04", "w05"]
    type_keys(ui, "/!w0", seen)
    assert (names(), ui.typing) == ([], True)
    press(ui, "esc", seen, 0.0)
    type_keys(ui, "z", seen)
    assert names() == ["w03", "w04"]
    type_keys(ui, "zsss", seen)
    assert ui.orders["workers"] == "INFL"
    assert names()[0] == "w05"
    type_keys(ui, "S", seen)
    assert names()[0] == "w02"


def test_a_picked_row_is_printed_as_json() -> None:
    ui, seen = Ui(), picture()
    type_keys(ui, "y", seen)
    assert ui.picked == []
    type_keys(ui, "jy", seen)
    assert json.loads(ui.picked[0])["name"] == "w00"


@pytest.mark.parametrize(
    ("keys", "command", "arguments"),
    [
        ("Py", "pause", {}),
        ("jDy", "drain", {"worker": "w00"}),
        ("jKy", "restart", {"worker": "w00"}),
        ("Ry", "retry", {}),
        ("Uy", "scale", {"workers": 7}),
        ("Fy", "scale", {"workers": 5}),
        ("Ly", "reload", {}),
    ],
)
def test_what_acts_asks_first(keys: str, command: str, arguments: dict[str, object]) -> None:
    ui, seen = Ui(may_act=True), picture()
    act = type_keys(ui, keys, seen)
    assert isinstance(act, Act)
    assert (act.command, act.arguments, act.source) == (command, arguments, "/run/sockq")
    assert type_keys(ui, keys[:-1] + "n", seen) is None
    assert type_keys(Ui(), keys, seen) is None


def test_the_parent_knows_what_every_key_asks_for() -> None:
    """No key promises what the control socket would refuse as unknown."""
    nothing: Any = None
    known = Commands(nothing, nothing, nothing, nothing, nothing)._commands
    seen = picture("disabled")
    rows = [seen.workers[0], *(seen.endpoints or ())]
    for does in (key.does for key in KEYS if key.acts):
        acts = [act_of(does, seen, row) for row in rows]
        commands = {act.command for act in acts if isinstance(act, Act)}
        assert commands
        assert commands <= known.keys()


def test_leaving_asks_only_where_the_fleet_goes_with_it() -> None:
    seen = picture()
    assert type_keys(Ui(), "q", seen) == Leave()
    owned = Ui(owned=True)
    assert type_keys(owned, "q", seen) is None
    act = type_keys(owned, "y", seen)
    assert isinstance(act, Act)
    assert act.command == "stop"


def test_a_paused_fleet_is_resumed_by_the_same_key() -> None:
    act = type_keys(Ui(may_act=True), "Py", picture("paused"))
    assert isinstance(act, Act)
    assert act.command == "resume"
