"""Jobs from text: JSON lines, each a whole job, checked before anything is enqueued."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sockq.drivers.job import NewJob
from sockq.drivers.source import Dialect
from sockq.workers.dialect import parse
from sockq.workers.webhook_job import Invalid


@dataclass(frozen=True, slots=True)
class Lines:
    """The jobs, and a line for each line that is none: ``line 3: …``."""

    jobs: tuple[NewJob, ...]
    faults: tuple[str, ...]


def read_lines(lines: Iterable[bytes], dialect: Dialect = "auto") -> Lines:
    """Read jobs of a dialect, one a line; blank lines are nothing. The bytes are kept as they are.

    A fault shows the number of the line and the reason, never the line: it may hold a secret.
    """
    jobs: list[NewJob] = []
    faults: list[str] = []
    for number, line in enumerate(lines, start=1):
        payload = line.strip()
        if not payload:
            continue
        found = parse(payload, dialect)
        if isinstance(found, Invalid):
            faults.append(f"line {number}: {found.reason}")
        else:
            jobs.append(NewJob(payload))
    return Lines(tuple(jobs), tuple(faults))
