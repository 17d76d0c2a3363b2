"""Which dead letters are meant: the filters of ``sockq dead``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sockq.supervisor.dead_letter import Letter, names_of, targets
from sockq.workers.apps import App

_AGE: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[smhdw])+")
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")
_UNIT_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def parse_age(text: str) -> float:
    """Read ``90s``, ``15m``, ``2h``, ``1d12h``, ``2w`` as seconds.

    Raises:
        ValueError: One line that says how it is written.
    """
    if not _AGE.fullmatch(text):
        raise ValueError(f"{text!r} is no age: write 90s, 15m, 2h, 1d12h or 2w")
    return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text))


@dataclass(frozen=True, slots=True)
class Selection:
    """What a letter must be; everything that is given has to hold.

    Attributes:
        ids: One of these; empty: any.
        app: Id of its app.
        endpoint: A target that is owed has this in its URL, or has this id.
        reason: In the reason, or its class; capitals do not count.
        older_than_seconds: It died at least this long ago.
        newer_than_seconds: It died at most this long ago.
    """

    ids: frozenset[str] = frozenset()
    app: str = ""
    endpoint: str = ""
    reason: str = ""
    older_than_seconds: float | None = None
    newer_than_seconds: float | None = None

    @property
    def everything(self) -> bool:
        """Whether every dead letter is meant."""
        return self == Selection()

    def matches(self, letter: Letter, now_ms: int) -> bool:
        """Whether it is meant, its endpoints aside (``matches_endpoint``)."""
        stored = letter.stored
        age_seconds = (now_ms - stored.died_at_ms) / 1000
        wanted = self.reason.casefold()
        return (
            (not self.ids or stored.id in self.ids)
            and (not self.app or letter.app_id == self.app)
            and (
                not wanted or wanted in stored.reason.casefold() or wanted in letter.kind.casefold()
            )
            and (self.older_than_seconds is None or age_seconds >= self.older_than_seconds)
            and (self.newer_than_seconds is None or age_seconds <= self.newer_than_seconds)
        )

    def matches_endpoint(self, letter: Letter, app: App | None) -> bool:
        """Whether one of its targets is meant.

        Args:
            letter: The dead letter.
            app: Its app; None: not known here, then its targets have ids only.
        """
        wanted = _plain(self.endpoint)
        return not wanted or any(
            wanted in name.casefold()
            for target in targets(letter, app)
            for name in names_of(target.id, app)
        )


def _plain(endpoint: str) -> str:
    """A URL without what no list shows: credentials, query, fragment."""
    if "://" not in endpoint:
        return endpoint.casefold()
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".casefold()
