"""A program on a terminal of its own: what it shows, what is typed, the modes it leaves behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import pyte


class PtyScreen:
    """A child process behind a pseudo terminal.

    Attributes:
        raw: Everything that it wrote.
        before: The terminal's modes before it started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._master, self._slave = pty.openpty()
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._set_size(*size)
        self.before = self.modes()
        environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **(env or {})}
        for name in ("CI", "NO_COLOR", "LC_ALL", "LC_CTYPE"):
            if name not in (env or {}):
                environ.pop(name, None)
        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=environ,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - one call, no locks
        )

    def modes(self) -> list[Any]:
        """What ``stty -g`` tells."""
        return termios.tcgetattr(self._slave)

    def lines(self) -> list[str]:
        """What stands on the screen."""
        self._read(0)
        return list(self._screen.display)

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines())

    def until(self, fact: Callable[[str], object], within: float = 10.0) -> str:
        """Wait until the screen's text is as wanted; return it."""
        deadline = time.monotonic() + within
        while not fact(self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"not seen within {within:g} s:\n{self.text}"
            self._read(min(left, 0.05))
        return self.text

    def shows(self, wanted: str, within: float = 10.0) -> str:
        """Wait for a piece of text."""
        return self.until(lambda text: wanted in text, within)

    def type(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size; the system tells the program."""
        self.lines()
        self._screen.resize(rows, columns)
        self._set_size(columns, rows)

    def wait(self, within: float = 15.0) -> int:
        """Wait for its end; return the exit code."""
        deadline = time.monotonic() + within
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"still running:\n{self.text}"
            self._read(0.02)
        self._read(0)
        return self.process.returncode

    def hang_up(self) -> None:
        """Take the terminal away, as a closed window does."""
        os.close(self._slave)
        os.close(self._master)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_why: object) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGCONT)
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def _read(self, timeout: float) -> None:
        while select.select([self._master], [], [], timeout)[0]:
            piece = os.read(self._master, 65536)
            self.raw += piece
            self._stream.feed(piece)
            timeout = 0

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
