"""Dead owners whose jobs are not given back yet. Pure; the janitor does the work.

An entry stays until the janitor says that it is done, so a janitor that dies in between loses
nothing: its successor is told again.
"""

from __future__ import annotations

import json

from sockq.drivers.job_mark import Marks
from sockq.supervisor.owners import Known


class Reclaims:
    """The pending ones, in the order of their deaths."""

    def __init__(self) -> None:
        self._pending: dict[str, Known] = {}
        self._blamed: dict[str, Marks] = {}
        self._told: set[str] = set()

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def pending(self) -> list[Known]:
        """Whom to remember over a restart of the fleet."""
        return list(self._pending.values())

    def add(self, known: Known, blamed: Marks = frozenset()) -> None:
        """``known`` is gone; what it leased has to go back.

        Args:
            known: Who.
            blamed: Marks of the jobs that its end speaks against.
        """
        self._pending[known.owner] = known
        if blamed:
            self._blamed[known.owner] = blamed

    def to_tell(self) -> list[tuple[str, bytes]]:
        """Owners that the janitor was not told of, with the lines to send."""
        return [(owner, self._line(owner)) for owner in self._pending if owner not in self._told]

    def _line(self, owner: str) -> bytes:
        blamed = sorted(self._blamed.get(owner, ()))
        return json.dumps({"reclaim": owner, "blamed": blamed}).encode() + b"\n"

    def told(self, owner: str) -> None:
        """The line was sent."""
        self._told.add(owner)

    def janitor_lost(self) -> None:
        """Nothing that was told counts any more."""
        self._told.clear()

    def done(self, owner: str) -> bool:
        """The janitor has given everything of ``owner`` back. False: it was not pending."""
        self._told.discard(owner)
        self._blamed.pop(owner, None)
        return self._pending.pop(owner, None) is not None
