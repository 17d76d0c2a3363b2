"""The terminal of the live screen: taken over, and given back as it was, however the screen ends.

cbreak mode, so Ctrl-C and Ctrl-Z stay signals; the alternate screen, so what stood there before
comes back. Modes change with TCSADRAIN: what was typed already is not thrown away.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import termios
from types import TracebackType
from typing import Any, Final, Self

from sockq.supervisor.screen_view import Size

_ENTER: Final = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE: Final = b"\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_LOCAL: Final = 3
_CHARACTERS: Final = 6
_DEFAULT: Final = Size(80, 24)


class Terminal:
    """Two ends of one terminal, as a context.

    Args:
        in_fd: Keys come from here.
        out_fd: Frames go there.
    """

    def __init__(self, in_fd: int, out_fd: int) -> None:
        self.in_fd = in_fd
        self._out_fd = out_fd
        self._before: list[Any] | None = None

    def __enter__(self) -> Self:
        self.enter()
        atexit.register(self.leave)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()
        atexit.unregister(self.leave)

    @property
    def size(self) -> Size:
        """Asked anew each time; ``COLUMNS`` and ``LINES`` do not count, they go stale."""
        try:
            width, height = os.get_terminal_size(self._out_fd)
        except OSError:
            return _DEFAULT
        return Size(width, height) if width and height else _DEFAULT

    def enter(self) -> None:
        """Take it over; again after somebody else had it."""
        if self._before is None:
            self._before = termios.tcgetattr(self.in_fd)
        modes = termios.tcgetattr(self.in_fd)
        modes[_LOCAL] &= ~(termios.ECHO | termios.ICANON)
        modes[_CHARACTERS] = list(modes[_CHARACTERS])
        modes[_CHARACTERS][termios.VMIN], modes[_CHARACTERS][termios.VTIME] = 1, 0
        termios.tcsetattr(self.in_fd, termios.TCSADRAIN, modes)
        self.write(_ENTER)

    def leave(self) -> None:
        """Give it back. A terminal that is gone does not mind."""
        before, self._before = self._before, None
        if before is None:
            return
        with contextlib.suppress(OSError):
            self.write(_LEAVE)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self.in_fd, termios.TCSADRAIN, before)

    def read(self) -> bytes:
        """What was typed; empty when the terminal is gone."""
        try:
            return os.read(self.in_fd, 4096)
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise

    def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            OSError: the terminal is gone.
        """
        while data:
            data = data[os.write(self._out_fd, data) :]
