"""The live screen's loop: one ``select`` over keys, signals and the next look. It has no threads.

A fault while drawing is drawn: the loop goes on, and so do the keys.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sockq.supervisor.doorbell import Doorbell
from sockq.supervisor.screen_decoder import ESCAPE_SECONDS, KeyDecoder
from sockq.supervisor.screen_model import Model
from sockq.supervisor.screen_paint import Painter
from sockq.supervisor.screen_picture import Picture
from sockq.supervisor.screen_press import press
from sockq.supervisor.screen_terminal import Terminal
from sockq.supervisor.screen_text import Row, Span, fit
from sockq.supervisor.screen_ui import Act, Effect, Leave, Ui
from sockq.supervisor.screen_view import Size, view
from sockq.supervisor.status_sources import Source

_SIGNALS: Final = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT,
    signal.SIGWINCH,
)  # fmt: skip
_FATAL: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: Looking takes at most this share of a processor: a large fleet is looked at less often.
_MOST_SHARE: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Left:
    """How the screen was left: the last picture, and the signal that ended it, if one did."""

    picture: Picture
    signal: int | None = None


class Screen:
    """The live screen on one terminal.

    Args:
        terminal: Not taken over yet.
        source: Of the documents.
        ui: The choices to begin with.
        painter: For the terminal.
        ask: Carries out what the user wants from the fleet; returns a line for the bar.
        over: Looked at with each picture: True ends the screen.
    """

    def __init__(
        self,
        terminal: Terminal,
        source: Source,
        ui: Ui,
        painter: Painter,
        ask: Callable[[Act], str],
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._terminal = terminal
        self._source = source
        self._ui = ui
        self._painter = painter
        self._ask = ask
        self._over = over
        self._model = Model()
        self._decoder = KeyDecoder()
        self._picture = self._shown = self._model.take(source.read())
        self._left: Left | None = None

    def run(self) -> Left:
        """Show it until it is left. The terminal is given back before this returns or raises."""
        with self._terminal:
            doorbell = Doorbell(_SIGNALS)
            try:
                next_look = time.monotonic() + self._ui.interval_seconds
                while self._left is None:
                    self._draw()
                    timeout = max(0.0, next_look - time.monotonic())
                    if self._decoder.pending:
                        timeout = min(timeout, ESCAPE_SECONDS)
                    fds = [self._terminal.in_fd, doorbell.fd]
                    ready, _, _ = select.select(fds, [], [], timeout)
                    doorbell = self._signals(doorbell)
                    if self._terminal.in_fd in ready:
                        self._typed()
                    elif not ready:
                        self._press_all(self._decoder.flush())
                    if time.monotonic() >= next_look:
                        begun = time.process_time()
                        self._look()
                        spent = time.process_time() - begun
                        pause = min(spent / _MOST_SHARE, _LONGEST_PAUSE_SECONDS)
                        next_look = time.monotonic() + max(self._ui.interval_seconds, pause)
            except OSError:
                self._left = Left(self._picture, signal.SIGHUP)  # the terminal is gone
            finally:
                doorbell.close()
        return self._left

    def _look(self) -> None:
        self._picture = self._model.take(self._source.read())
        if self._over():
            self._left = Left(self._picture)

    def _draw(self) -> None:
        now = time.monotonic()
        if self._ui.held_since is None:
            self._shown = self._picture
        size = self._terminal.size
        try:
            rows: list[Row] = list(view(self._shown, self._ui, size, now))
        except Exception as error:
            rows = _fault(error, size)
        self._terminal.write(self._painter.frame(rows).encode(errors="replace"))

    def _typed(self) -> None:
        data = self._terminal.read()
        if data:
            self._press_all(self._decoder.feed(data))
        else:
            self._left = Left(self._picture, signal.SIGHUP)

    def _press_all(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._press(key)

    def _press(self, key: str) -> None:
        if key == "redraw":
            self._painter.forget()
            return
        now = time.monotonic()
        try:
            effect: Effect = press(self._ui, key, self._shown, now)
        except Exception as error:
            self._ui.say(f"{type(error).__name__}: {error}", now)
            return
        if isinstance(effect, Leave):
            self._left = Left(self._picture)
        elif effect is not None:
            self._ui.say(self._ask(effect), time.monotonic())
            self._look()

    def _signals(self, doorbell: Doorbell) -> Doorbell:
        """React to what came; returns the doorbell that counts from now on."""
        came = doorbell.take()
        for number in _FATAL:
            if number in came:
                self._left = Left(self._picture, number)
                return doorbell
        if signal.SIGINT in came:
            self._press("ctrl-c")
        if signal.SIGTSTP in came:
            return self._sleep(doorbell)
        if signal.SIGCONT in came:
            self._terminal.enter()
        if came & {signal.SIGWINCH, signal.SIGCONT}:
            self._painter.forget()
        return doorbell

    def _sleep(self, doorbell: Doorbell) -> Doorbell:
        """Give the terminal back and stop, as Ctrl-Z asks; go on here when continued."""
        self._terminal.leave()
        doorbell.close()
        os.kill(os.getpid(), signal.SIGTSTP)
        self._terminal.enter()
        self._painter.forget()
        return Doorbell(_SIGNALS)


def _fault(error: Exception, size: Size) -> list[Row]:
    """What is shown when a picture could not be drawn."""
    told = [
        " this picture could not be drawn; the next one may",
        f" {type(error).__name__}: {error}",
    ]
    rows: list[Row] = [fit([Span(text, "bad")], size.width) for text in told]
    rows += [fit([], size.width)] * max(0, size.height - len(rows) - 1)
    rows.append(fit([Span(" q quit", "strong")], size.width))
    return rows[-size.height :]
