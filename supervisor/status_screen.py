"""``sockq status`` on a terminal: puts the live screen together, and ends it in good order."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sockq.supervisor.output import say
from sockq.supervisor.screen_control import carry_out
from sockq.supervisor.screen_loop import Left, Screen
from sockq.supervisor.screen_paint import Painter
from sockq.supervisor.screen_terminal import Terminal
from sockq.supervisor.screen_text import ASCII, UNICODE, Glyphs
from sockq.supervisor.screen_ui import Act, Ui
from sockq.supervisor.status_command import StatusOptions, common_code
from sockq.supervisor.status_sources import Source, choose
from sockq.workers import exits


def show_screen(options: StatusOptions) -> int:
    """Show the live screen until it is left; returns the exit code (see ``show_status``)."""
    acts = not options.urls and options.fleet is None and not options.read_only
    ui = Ui(glyphs=glyphs_for(os.environ, ascii_only=options.ascii), may_act=acts)
    left = run_screen(options, ui, lambda act: carry_out(options.place, act))
    if left.signal is not None:
        return exits.SIGNALLED + left.signal
    return common_code([one.document for one in left.picture.readings])


def run_screen(
    options: StatusOptions,
    ui: Ui,
    perform: Callable[[Act], str],
    over: Callable[[], bool] = lambda: False,
    source: Source | None = None,
) -> Left:
    """Run the live screen on this process's terminal; print what was picked after it.

    Args:
        options: Where the documents come from.
        ui: The choices to begin with.
        perform: Does what the user wants from the fleet, and says what came of it.
        over: Whether the screen should end by itself.
        source: Of the documents, instead of what the options say.
    """
    source = source or choose(options.place, options.urls, options.fleet)
    try:
        with _keyboard() as in_fd:
            terminal = Terminal(in_fd, sys.stdout.fileno())
            painter = Painter(os.environ)
            left = Screen(terminal, source, ui, painter, perform, over).run()
    finally:
        source.close()
    for line in ui.picked:
        say(line)
    return left


def glyphs_for(environ: Mapping[str, str], *, ascii_only: bool = False) -> Glyphs:
    """What the locale can show. Asked of the variables: Python itself takes C for UTF-8."""
    spoken = environ.get("LC_ALL") or environ.get("LC_CTYPE") or ""
    if spoken in ("", "C.UTF-8"):  # Python sets LC_CTYPE so when the locale is C
        spoken = environ.get("LC_ALL") or environ.get("LANG") or ""
    utf8 = "utf8" in spoken.lower().replace("-", "")
    return UNICODE if utf8 and not ascii_only else ASCII


@contextlib.contextmanager
def _keyboard() -> Iterator[int]:
    """The terminal's end for keys: stdin, or the controlling terminal when stdin is something else.

    Without either the screen is still shown; only signals end it then.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        yield sys.stdin.fileno()
        return
    try:
        fd = os.open(Path("/dev/tty"), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        yield sys.stdout.fileno()
        return
    try:
        yield fd
    finally:
        os.close(fd)
