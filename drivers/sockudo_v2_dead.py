"""Pages of dead letters: rows of ``lua/v2_dead_letters.lua`` and the cursor between pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sockq.drivers.errors import BackendRefused
from sockq.drivers.sockudo_v2_payload import read_stored, split_note
from sockq.drivers.source import DeadLetter

Row = tuple[bytes, bytes, bytes, bytes, bytes]


class Place(NamedTuple):
    """The last letter that was seen: where the next page goes on. An empty id is the start."""

    id: bytes = b""
    died_at_ms: int = 0


def read_cursor(cursor: str | None) -> Place:
    """Return the place that a cursor names.

    Raises:
        BackendRefused: it is none of ours.
    """
    if cursor is None:
        return Place()
    died_at_ms, _, id_ = cursor.partition(":")
    try:
        return Place(bytes.fromhex(id_), int(died_at_ms))
    except ValueError:
        raise BackendRefused("that is no cursor of this dead-letter store") from None


def write_cursor(place: Place) -> str:
    """Reverse ``read_cursor``."""
    return f"{place.died_at_ms}:{place.id.hex()}"


def read_page(rows: Sequence[Row], after: Place) -> tuple[list[DeadLetter], Place]:
    """Return the letters among ``rows`` that come after a place, and the place of the last row.

    Redis orders members of one millisecond by their bytes; a letter that was the last seen and is
    gone since leaves its neighbours of that millisecond to be skipped here.
    """
    letters = []
    for raw_id, score, stored, attempt, reason in rows:
        place = Place(raw_id, int(float(score)))
        if place.died_at_ms == after.died_at_ms and place.id <= after.id:
            continue
        letters.append(_letter(place, stored, int(attempt), reason))
        after = place
    return letters, after


def _letter(place: Place, stored: bytes, attempt: int, reason: bytes) -> DeadLetter:
    # A server's id is text; what is not can be looked at, but not be named again.
    id_ = place.id.decode(errors="backslashreplace")
    read = read_stored(id_, stored) or split_note(stored)
    return DeadLetter(
        id=id_,
        payload=read.payload,
        reason=" ".join(reason.decode(errors="replace").split()),
        died_at_ms=place.died_at_ms,
        attempt=attempt,
        state=read.state,
        crashes=read.crashes,
    )
