"""Shows how far long work has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sockq.supervisor.output import note

#: Called with how many are through.
Progress = Callable[[int], None]

_FRAME_SECONDS: Final = 0.1
_LINE_SECONDS: Final = 5.0
#: Leaves room in 60 columns, also for the ^C of a terminal: a wrapped bar cannot be taken away.
_BAR_CELLS: Final = 18


@contextmanager
def show_progress(what: str, total: int) -> Iterator[Progress]:
    """Show progress on stderr. No thread: it is drawn when it is told of.

    Args:
        what: ``replayed``.
        total: How many there are.
    """
    if not sys.stderr.isatty():
        yield _every(_LINE_SECONDS, lambda done: note(f"{what} {done:,} of {total:,}"))
        return
    from rich.console import Console  # noqa: PLC0415 - only where a bar is shown
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=_BAR_CELLS),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=total)

        def draw(done: int) -> None:
            bar.update(task, completed=done, refresh=True)

        yield _every(_FRAME_SECONDS, draw)


def _every(seconds: float, tell: Progress) -> Progress:
    last = time.monotonic()

    def progress(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            tell(done)

    return progress
