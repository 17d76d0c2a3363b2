"""What a scenario measured, as a file: the report is made of them."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

#: Where records go; unset: nowhere.
VARIABLE: Final = "SOCKQ_CHAOS_RECORDS"


@dataclass(frozen=True, slots=True)
class Record:
    """One scenario on one source.

    Attributes:
        scenario: Its number.
        title: In words.
        source: Where it ran.
        jobs: Accepted.
        killed: Processes killed (or stopped).
        lost: Jobs that are nowhere.
        duplicates: Jobs that came to one more end than their one.
        recovery_seconds: The longest from a kill to all workers ready; None: nothing recovered.
        lag_ms: The parent's longest answer.
        control_lag_ms: The same of a process that only answers.
        seconds: The scenario took.
        passed: All invariants held.
    """

    scenario: int
    title: str
    source: str
    jobs: int
    killed: int
    lost: int
    duplicates: int
    recovery_seconds: float | None
    lag_ms: float
    control_lag_ms: float
    seconds: float
    passed: bool

    def save(self) -> None:
        """Write it where ``VARIABLE`` says; an earlier one of the same run of it is replaced."""
        where = os.environ.get(VARIABLE)
        if not where:
            return
        directory = Path(where)
        directory.mkdir(parents=True, exist_ok=True)
        name = f"{self.scenario:02}-{self.title}-{self.source}".replace(" ", "_").replace("/", "_")
        fresh = directory / f"{name}.{os.getpid()}"
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(directory / f"{name}.json")


@dataclass(frozen=True, slots=True)
class Row:
    """All runs of one scenario on one source.

    Attributes:
        scenario: Its number.
        title: In words.
        source: Where it ran.
        runs: How often.
        passed: How many of them.
        jobs: Accepted in all runs; so are the three that follow.
        killed: Processes.
        lost: Jobs.
        duplicates: Jobs that came once more than they should.
        recovery_seconds: The longest of all.
    """

    scenario: int
    title: str
    source: str
    runs: int
    passed: int
    jobs: int
    killed: int
    lost: int
    duplicates: int
    recovery_seconds: float | None


def load_records(directory: Path) -> list[Record]:
    """All records of a directory and of those in it: one for each of several runs."""
    known = {one.name for one in fields(Record)}
    found = []
    for path in sorted(directory.glob("**/*.json")):
        told = json.loads(path.read_text())
        found.append(Record(**{key: told[key] for key in known}))
    return found


def rows(records: Iterable[Record]) -> list[Row]:
    """One for each scenario and source, by number, title and source."""
    alike: dict[tuple[int, str, str], list[Record]] = defaultdict(list)
    for one in records:
        alike[one.scenario, one.title, one.source].append(one)
    return [
        Row(
            *key,
            runs=len(same),
            passed=sum(one.passed for one in same),
            jobs=sum(one.jobs for one in same),
            killed=sum(one.killed for one in same),
            lost=sum(one.lost for one in same),
            duplicates=sum(one.duplicates for one in same),
            recovery_seconds=max(
                (one.recovery_seconds for one in same if one.recovery_seconds is not None),
                default=None,
            ),
        )
        for key, same in sorted(alike.items())
    ]
