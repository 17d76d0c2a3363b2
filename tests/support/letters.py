"""Dead letters for tests of what is shown and selected."""

from __future__ import annotations

from typing import Any

from support.jobs import job

from sockq.drivers.source import DeadLetter
from sockq.supervisor.dead_letter import Letter, read_letter
from sockq.workers.target_state import JobState, TargetState, encode

NOW_MS = 1_800_000_000_000


def state(**targets: TargetState) -> bytes:
    """A state that owes these targets; ``t_1234`` stands for the id ``1234``."""
    return encode(JobState({name.removeprefix("t_"): one for name, one in targets.items()}))


def letter(id_: str = "id-1", *, age_seconds: float = 60.0, **given: Any) -> Letter:
    """A letter of app ``app-id``; ``given`` are other fields of ``DeadLetter``."""
    fields: dict[str, Any] = {
        "payload": job("room", time_ms=NOW_MS - 100_000),
        "reason": "endpoint answered 404 (3 attempts)",
        "died_at_ms": NOW_MS - int(age_seconds * 1000),
        "attempt": 3,
    }
    return read_letter("queue-1", "sockudo", DeadLetter(id=id_, **fields | given))
