"""What the command line gives ``sockq enqueue``, turned into jobs."""

from __future__ import annotations

import sys
import time
from itertools import repeat
from pathlib import Path

from sockq.drivers.job import NewJob
from sockq.drivers.source import Dialect
from sockq.supervisor.enqueue import Wanted, enqueue, made_job
from sockq.supervisor.job_lines import read_lines
from sockq.supervisor.output import note, notes
from sockq.supervisor.settings import Configuration
from sockq.workers import exits


def enqueue_lines(configuration: Configuration, file: str, *, skip_bad: bool) -> int:
    """Enqueue the jobs of a file, or of stdin (``-``). Nothing goes in while a line is bad.

    Returns:
        Exit code: 64 for bad lines, unless they are to be skipped.
    """
    assert configuration.fleet is not None
    dialect: Dialect = "soketi" if configuration.server == "soketi" else "auto"
    try:
        if file == "-":
            lines = read_lines(sys.stdin.buffer, dialect)
        else:
            with Path(file).open("rb") as stream:
                lines = read_lines(stream, dialect)
    except OSError as error:
        note(f"{file}: {(error.strerror or 'cannot be read').lower()}; check the path")
        return exits.USAGE
    name = "stdin" if file == "-" else file
    notes(lines.faults, f"{name}, ")
    if lines.faults and not skip_bad:
        note("nothing was enqueued; mend these lines, or leave them out with --skip-bad")
        return exits.USAGE
    return enqueue(configuration.fleet.driver, lines.jobs, len(lines.jobs))


def enqueue_made(configuration: Configuration, wanted: Wanted, count: int) -> int:
    """Enqueue ``count`` jobs made for an app. Returns the exit code."""
    assert configuration.fleet is not None
    try:
        payload = made_job(
            configuration.apps, wanted, time.time_ns() // 1_000_000, configuration.server
        )
    except ValueError as error:
        note(str(error))
        return exits.USAGE
    app = next(app for app in configuration.apps if app.id == wanted.app)
    if wanted.event not in app.by_event:
        note(f'warning: no webhook of app "{app.id}" lists {wanted.event}: nothing will be sent')
    return enqueue(configuration.fleet.driver, repeat(NewJob(payload), count), count)
