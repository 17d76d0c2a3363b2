"""The shared mapping that holds a fleet's scoreboard.

    header   words of the parent, then its static facts as text (JSON)
    queue    words of the janitor, then its text (JSON)
    events   a ring of text records, written by the parent
    deaths   a ring of how workers died (``deaths``), written by the parent
    disabled the endpoints that the operator has disabled (``disabled``), written by the parent
    slots    per slot: worker's words, worker's text, parent's words, parent's text, journal,
             two blocks for the worker's table of endpoints

Linux keeps it in a sealed memfd: any process of the same user maps it through
``/proc/<parent>/fd/<n>``, also while the parent is stopped, and nobody can truncate it under the
readers. Elsewhere it is a 0600 file in the fleet's directory. Untouched pages cost nothing.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path
from typing import Final, Self

from sockq.workers.board import (
    ENDPOINTS_BYTES,
    JOURNAL_BYTES,
    TEXT_BYTES,
    WORDS_BYTES,
    SlotWriter,
)
from sockq.workers.deaths import REGION_BYTES as DEATHS_BYTES
from sockq.workers.deaths import Deaths
from sockq.workers.disabled import REGION_BYTES as DISABLED_BYTES
from sockq.workers.disabled import DisabledList

#: "sockq" and a number; reads as something else on a machine of the other byte order.
MAGIC: Final = 0x0071_6B63_6F73_0001
#: Changes when a word changes its place or meaning.
SCHEMA: Final = 5
MAX_SLOTS: Final = 128
EVENT_BYTES: Final = 512
EVENTS: Final = 256

_HEADER_AT: Final = 0
_HEADER_TEXT_BYTES: Final = 16 * 1024
_QUEUE_AT: Final = _HEADER_AT + WORDS_BYTES + _HEADER_TEXT_BYTES
_QUEUE_TEXT_BYTES: Final = 16 * 1024
_EVENTS_AT: Final = _QUEUE_AT + WORDS_BYTES + _QUEUE_TEXT_BYTES
_DEATHS_AT: Final = _EVENTS_AT + EVENTS * EVENT_BYTES
_DISABLED_AT: Final = _DEATHS_AT + DEATHS_BYTES
_SLOTS_AT: Final = (_DISABLED_AT + DISABLED_BYTES + 4095) // 4096 * 4096
_JOURNAL_AT: Final = 2 * (WORDS_BYTES + TEXT_BYTES)
_ENDPOINTS_AT: Final = _JOURNAL_AT + JOURNAL_BYTES
_SLOT_BYTES: Final = _ENDPOINTS_AT + 2 * ENDPOINTS_BYTES


class BoardError(Exception):
    """What was opened is no scoreboard, or one of another version; its text is one line."""


class Board:
    """A mapped scoreboard.

    Attributes:
        fd: The descriptor behind the mapping; for readers' ``/proc/<pid>/fd``.
        slots: How many slots it has.
    """

    def __init__(self, fd: int, slots: int, *, writable: bool) -> None:
        self.fd = fd
        self.slots = slots
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._bytes = memoryview(mmap.mmap(fd, board_bytes(slots), access=access))

    @classmethod
    def create(cls, slots: int = MAX_SLOTS, path: Path | None = None) -> Self:
        """Make an empty board.

        Args:
            slots: Room for this many workers.
            path: The file that holds it where the system has no sealed memory files.

        Raises:
            OSError: no memory, or ``path`` is needed and missing or cannot be written.
        """
        fd = _sealed_memfd(board_bytes(slots))
        if fd is None:
            fd = _file(board_bytes(slots), path)
        board = cls(fd, slots, writable=True)
        for word, value in enumerate((MAGIC, SCHEMA, slots)):
            board.header[word] = value
        return board

    @classmethod
    def open(cls, fd: int) -> Self:
        """Map a board of somebody else, read-only.

        Raises:
            BoardError: ``fd`` is no board, or of another version.
        """
        head = os.pread(fd, 24, 0)
        words = memoryview(head).cast("Q") if len(head) == 24 else None  # noqa: PLR2004 - three words
        if words is None or words[0] != MAGIC:
            raise BoardError("this is not the scoreboard of a sockq fleet")
        if words[1] != SCHEMA:
            raise BoardError(
                f"the fleet runs another version of sockq (scoreboard {words[1]}, this one reads"
                f" {SCHEMA}): look at it with that version, or restart it with this one"
            )
        if os.fstat(fd).st_size < board_bytes(words[2]):
            raise BoardError("the scoreboard is shorter than it says")
        return cls(fd, words[2], writable=False)

    @property
    def header(self) -> memoryview:
        """The fleet's words; the first three are magic, schema and number of slots."""
        return self._words_at(_HEADER_AT)

    @property
    def header_text(self) -> memoryview:
        """Static facts, JSON, under a seqlock."""
        return self._cut(_HEADER_AT + WORDS_BYTES, _HEADER_TEXT_BYTES)

    @property
    def queue(self) -> memoryview:
        """The janitor's words."""
        return self._words_at(_QUEUE_AT)

    @property
    def queue_text(self) -> memoryview:
        """The janitor's text, JSON, under a seqlock."""
        return self._cut(_QUEUE_AT + WORDS_BYTES, _QUEUE_TEXT_BYTES)

    def event(self, number: int) -> memoryview:
        """The text block of event ``number``, counted from 0; the ring forgets old ones."""
        return self._cut(_EVENTS_AT + number % EVENTS * EVENT_BYTES, EVENT_BYTES)

    @property
    def deaths(self) -> Deaths:
        """How workers died lately."""
        return Deaths(self._cut(_DEATHS_AT, DEATHS_BYTES))

    @property
    def disabled(self) -> DisabledList:
        """The endpoints that the operator has disabled."""
        return DisabledList(self._cut(_DISABLED_AT, DISABLED_BYTES))

    def slot(self, index: int) -> SlotWriter:
        """The worker's part of slot ``index``."""
        at = self._slot_at(index)
        return SlotWriter(
            index,
            self._words_at(at),
            self._cut(at + WORDS_BYTES, TEXT_BYTES),
            self._cut(at + _JOURNAL_AT, JOURNAL_BYTES),
            (
                self._cut(at + _ENDPOINTS_AT, ENDPOINTS_BYTES),
                self._cut(at + _ENDPOINTS_AT + ENDPOINTS_BYTES, ENDPOINTS_BYTES),
            ),
        )

    def parent_words(self, index: int) -> memoryview:
        """What the parent says of slot ``index``."""
        return self._words_at(self._slot_at(index) + WORDS_BYTES + TEXT_BYTES)

    def parent_text(self, index: int) -> memoryview:
        """The parent's text on slot ``index`` (how its last process ended), under a seqlock."""
        return self._cut(self._slot_at(index) + 2 * WORDS_BYTES + TEXT_BYTES, TEXT_BYTES)

    def _slot_at(self, index: int) -> int:
        if not 0 <= index < self.slots:
            raise IndexError(f"slot {index} of {self.slots}")
        return _SLOTS_AT + index * _SLOT_BYTES

    def _words_at(self, at: int) -> memoryview:
        return self._cut(at, WORDS_BYTES).cast("Q")

    def _cut(self, at: int, size: int) -> memoryview:
        return self._bytes[at : at + size]


def board_bytes(slots: int) -> int:
    """Size of a board with this many slots."""
    return _SLOTS_AT + slots * _SLOT_BYTES


def _sealed_memfd(size: int) -> int | None:
    try:
        fd = os.memfd_create("sockq-board", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except (AttributeError, OSError):
        return None
    os.ftruncate(fd, size)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def _file(size: int, path: Path | None) -> int:
    if path is None:
        raise OSError("no sealed memory files on this system, and no path was given")
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.ftruncate(fd, size)
    return fd
