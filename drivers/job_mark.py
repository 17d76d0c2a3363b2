"""What stands for a job among those that are blamed for a worker's death. Standard library only."""

from __future__ import annotations

from hashlib import sha1
from typing import Final, TypeAlias

#: Of several jobs.
Marks: TypeAlias = frozenset[str]

#: Bytes of an id that its mark is made of: a worker's journal keeps no more.
MARKED_BYTES: Final = 120
_MARK_DIGITS: Final = 16


def id_bytes(id_: str) -> bytes:
    """An id as it stands in the queue, also where its bytes are no text."""
    return id_.encode(errors="surrogateescape")


def mark_of(id_: str) -> str:
    """What stands for an id among those that are blamed; ids of several sources may be the same."""
    return mark_of_bytes(id_bytes(id_))


def mark_of_bytes(id_: bytes) -> str:
    """The same of its bytes, whole or cut: 16 hex digits, as in ``blamed.lua``."""
    return sha1(id_[:MARKED_BYTES], usedforsecurity=False).hexdigest()[:_MARK_DIGITS]
