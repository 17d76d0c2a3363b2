"""Every scene of the golden frames on a real terminal of every size, drawn by ``sockq status``."""

from __future__ import annotations

import sys
from functools import partial

import pytest
from rich.cells import cell_len
from support.pty_screen import PtyScreen
from support.status_documents import SCENES
from support.status_server import StatusServer

SIZES = ((60, 15), (80, 24), (120, 40), (200, 60))
#: What nobody may miss, however small the window is.
TOLD = {
    "healthy": ("RUNNING", "workers 6/6"),
    "degraded": ("DEGRADED", "workers"),
    "crash-loop": ("CRASH LOOP", "crash"),
    "backend-down": ("DEGRADED", "backend has not answered"),
    "paused": ("PAUSED", "workers 2/2"),
    "disabled": ("RUNNING", "2 disabled"),
    "workers-64": ("RUNNING", "workers 64/64"),
    "endpoints-500": ("RUNNING", "workers 4/4"),
    "empty": ("DOWN", "no fleet runs"),
}


def test_every_scene_is_driven() -> None:
    assert TOLD.keys() == SCENES.keys()


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_on_a_real_terminal(scene: str) -> None:
    with StatusServer(scene) as served:
        command = [sys.executable, "-m", "sockq.supervisor", "status", "--url", served.url]
        with PtyScreen(command, size=SIZES[0]) as seen:
            for width, height in SIZES:
                seen.resize(width, height)
                text = seen.until(partial(drawn, height=height, told=TOLD[scene]), within=15.0)
                lines = text.splitlines()
                assert {cell_len(line) for line in lines} == {width}
                assert "q quit" in lines[-1]
            seen.type("q")
            seen.wait()
            assert seen.modes() == seen.before


def drawn(text: str, height: int, told: tuple[str, ...]) -> bool:
    """Whether a whole picture of this height stands there: its last row has the keys."""
    lines = text.splitlines()
    whole = len(lines) == height and text.count("q quit") == 1 and "q quit" in lines[-1]
    return whole and all(word in text for word in told)
