"""A fleet that is process 1 and is stopped before it listens, as by ``docker stop`` at once."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chaos import proc
from support.chaos.pid_one import UNSHARE, why_not
from support.until import until

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "there can be one")


ENDING = (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


@pytest.fixture
def heeds_signals() -> Iterator[None]:
    """Programs inherit what the tests' own shell ignores: QUIT and HUP in its background, say."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def reading(heeds_signals: None, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``sockq run`` as process 1, for as long as nobody writes its configuration."""
    config = tmp_path / "config.json"
    os.mkfifo(config)
    line = [sys.executable, "-m", "sockq.supervisor", "run", "--config", str(config)]
    with subprocess.Popen([*UNSHARE, *line], stdin=subprocess.DEVNULL) as process:
        writer = until(lambda: _opened(config), 15.0)
        yield process
        os.close(writer)
        process.kill()


def _opened(pipe: Path) -> int:
    """The pipe, once somebody reads it; 0 before."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return 0


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_it_before_it_listens(
    reading: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    (inner,) = proc.children(reading.pid)
    proc.send(inner, number)
    assert reading.wait(5.0) == 128 + number
