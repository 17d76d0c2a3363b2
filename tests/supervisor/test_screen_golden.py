"""Whole frames of the live screen as text: ``golden/SCENE-WIDTHxHEIGHT.txt``.

After a change that is meant: ``SOCKQ_GOLDEN=write pytest tests/supervisor/test_screen_golden.py``,
then look at the difference.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len
from support.status_documents import COUNT, SCENES

from sockq.supervisor.screen_endpoints import endpoint_id
from sockq.supervisor.screen_model import Model
from sockq.supervisor.screen_picture import Picture, Reading
from sockq.supervisor.screen_text import ASCII
from sockq.supervisor.screen_ui import VIEWS, Ui
from sockq.supervisor.screen_view import Size, lines_of, view

_GOLDEN = Path(__file__).with_name("golden")
_SIZES = ("60x15", "80x24", "120x40", "200x60")
_NOW = 1000.0


@cache
def picture_of(scene: str) -> Picture:
    model = Model()
    for tick in range(COUNT):
        picture = model.take([Reading("/run/sockq", SCENES[scene](tick))])
    return picture


def size_of(text: str) -> Size:
    width, height = text.split("x")
    return Size(int(width), int(height))


def frame(scene: str, size: Size, ui: Ui | None = None) -> list[str]:
    lines = lines_of(view(picture_of(scene), ui or Ui(may_act=True), size, _NOW))
    assert len(lines) == size.height
    assert {cell_len(line) for line in lines} == {size.width}
    return lines


@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("scene", SCENES)
def test_a_frame_is_as_it_was(scene: str, size: str) -> None:
    text = "\n".join(line.rstrip() for line in frame(scene, size_of(size))) + "\n"
    path = _GOLDEN / f"{scene}-{size}.txt"
    if os.environ.get("SOCKQ_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def test_every_golden_file_has_its_test() -> None:
    expected = {f"{scene}-{size}.txt" for scene in SCENES for size in _SIZES}
    assert {path.name for path in _GOLDEN.iterdir()} == expected


@pytest.mark.parametrize("scene", SCENES)
def test_every_view_fits_every_size(scene: str) -> None:
    for width in (60, 61, 79, 80, 99, 110, 119, 133, 250):
        for height in (15, 16, 24, 34, 50):
            for index in range(len(VIEWS)):
                frame(scene, Size(width, height), Ui(view=index, wide=height == 24))


@pytest.mark.parametrize("scene", SCENES)
def test_ascii_is_nothing_but_ascii(scene: str) -> None:
    for index in range(len(VIEWS)):
        assert all(line.isascii() for line in frame(scene, Size(80, 24), Ui(ASCII, view=index)))


@pytest.mark.parametrize("size", [Size(59, 24), Size(80, 14), Size(20, 1), Size(3, 2)])
def test_a_window_that_is_too_small_says_the_state(size: Size) -> None:
    first, *rest = frame("degraded", size)
    assert first.startswith("sockq DEGRADED needs 60x15"[: size.width - 1])
    assert "".join(rest).strip() == ""


def test_an_endpoints_detail_shows_its_last_failures() -> None:
    document = SCENES["degraded"](COUNT - 1)
    worst = document["endpoints"][0]
    worst["recent_failures"] = [
        {"at": 1787400000.5, "what": "status 503", "ms": 250, "attempt": 1},
        {"at": 1787400003.0, "what": "connect: Connection\x1b[31m refused", "ms": 2, "attempt": 3},
    ]
    picture = Model().take([Reading("/run/sockq", document)])
    ui = Ui(view=2, detail=True, cursors={"endpoints": endpoint_id(worst)})
    text = [line.rstrip() for line in lines_of(view(picture, ui, Size(100, 50), _NOW))]
    (at,) = [n for n, line in enumerate(text) if "recent failures" in line]
    assert text[at].endswith("12:00:03Z  try 3       2 ms  connect: Connection?[31m refused")
    assert text[at + 1].endswith("12:00:00Z  try 1     250 ms  status 503")


def test_help_shows_keys_that_act_only_where_one_may_act() -> None:
    reads = "\n".join(frame("healthy", Size(80, 40), Ui(help=True)))
    acts = "\n".join(frame("healthy", Size(80, 40), Ui(help=True, may_act=True)))
    assert "drain the selected worker" in acts
    assert "(asks)" not in reads
    assert "leave; the fleet goes on" in reads


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_dead_letters_view_says_how_to_look_closer(width: int) -> None:
    lines = frame("healthy", Size(width, 24), Ui(view=VIEWS.index("dead")))
    assert [line for line in lines if "closer: sockq dead ls" in line]
