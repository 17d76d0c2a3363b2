"""What a scenario measured, as a file: the report is made of them."""

from __future__ import annotations

import json
import os
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


def load_records(directory: Path) -> list[Record]:
    """All records of a directory, by number, title and source."""
    known = {one.name for one in fields(Record)}
    found = []
    for path in sorted(directory.glob("*.json")):
        told = json.loads(path.read_text())
        found.append(Record(**{key: told[key] for key in known}))
    return sorted(found, key=lambda one: (one.scenario, one.title, one.source))
