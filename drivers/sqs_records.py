"""What is known of messages that stay in their place, between two receives. One small file each.

A message cannot be changed. Where a job is not sent again (FIFO queues, where that would lose its
place; jobs too large for one attribute more), its attempts and state stand here, by message id.
Without a directory they are in memory, and known to this process only.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from sockq.drivers.sqs_journal import Entry
from sockq.drivers.sqs_message import Message, hash_of

_PLAIN: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
#: SQS keeps no message longer.
_LONGEST_LIFE_SECONDS: Final = 14 * 24 * 3600


class Record(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one message.

    Attributes:
        receives: Receives that are accounted for: the next one is no sign of a crash.
        attempts: Charged.
        crashes: Owners that died.
        state: Of the last settlement.
        due_ms: Unix time before which nobody should work on it; 0: at once.
        receives_only: Nothing but ``receives`` is known; the message itself says the rest.
    """

    receives: int
    attempts: int = 0
    crashes: int = 0
    state: bytes = b""
    due_ms: int = 0
    receives_only: bool = False


_RECORD = msgspec.json.Decoder(Record)


class Records:
    """Records of one queue.

    Args:
        directory: Of this queue, shared by the fleet; None: memory.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory / "records" if directory else None
        self._memory: dict[str, Record] = {}

    def open(self) -> None:
        """Make the directory. Raises OSError where it cannot be made."""
        if self._directory:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def complete(self, message: Message) -> None:
        """Put what is known into a message that was received."""
        if message.receives <= 1:
            return  # nobody has had it before
        record = self.get(message.message_id)
        if record is None:
            # A server, another host or somebody at the console had it: SQS does not say who, nor
            # what became of them. That makes a suspect; more is not concluded from it.
            message.unexplained = 1
            message.crashes += 1
            return
        message.unexplained = max(0, message.receives - record.receives - 1)
        if record.receives_only:
            message.crashes += message.unexplained
            return
        message.attempts = record.attempts
        message.crashes = record.crashes + message.unexplained
        message.state = record.state
        message.due_ms = record.due_ms
        message.recorded = True

    def get(self, message_id: str) -> Record | None:
        """The record of a message."""
        if self._directory is None:
            return self._memory.get(message_id)
        try:
            return _RECORD.decode(self._path(self._directory, message_id).read_bytes())
        except (OSError, msgspec.DecodeError):
            return self._memory.get(message_id)

    def put(self, message_id: str, record: Record) -> None:
        """Store; whole or not at all."""
        if self._directory is None:
            self._memory[message_id] = record
            return
        path = self._path(self._directory, message_id)
        new = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            new.write_bytes(msgspec.json.encode(record))
            new.rename(path)
        except OSError:  # no disk: this process at least knows it
            self._memory[message_id] = record

    def forgive(self, one: Message | Entry) -> None:
        """It goes back without having been worked on: its next receive is no crash.

        What crashed with it before stays unexplained, and counts.
        """
        known = self.get(one.message_id) or Record(0, receives_only=True)
        explained = one.receives - one.unexplained
        self.put(one.message_id, msgspec.structs.replace(known, receives=explained))

    def forgive_expired(self, entries: Iterable[Entry]) -> None:
        """Their time is over, which speaks against nobody."""
        for entry in entries:
            if entry.kind != "held":  # that one's record accounts for its receive already
                self.forgive(entry)

    def blame(self, one: Entry) -> None:
        """It was at work when its owner died: its next receive is one crash more."""
        if self.get(one.message_id) is None:
            before = one.receives - one.unexplained - 1
            self.put(one.message_id, Record(before, receives_only=True))

    def drop(self, message_id: str) -> None:
        """The message is gone."""
        self._memory.pop(message_id, None)
        if self._directory:
            with contextlib.suppress(OSError):
                self._path(self._directory, message_id).unlink()

    def sweep(self) -> None:
        """Remove records of messages that SQS has thrown away."""
        if self._directory is None:
            return
        oldest = time.time() - _LONGEST_LIFE_SECONDS
        with contextlib.suppress(OSError):
            for found in os.scandir(self._directory):
                with contextlib.suppress(OSError):
                    if found.stat().st_mtime < oldest:
                        Path(found.path).unlink()

    @staticmethod
    def _path(directory: Path, message_id: str) -> Path:
        plain = _PLAIN.fullmatch(message_id)
        return directory / (message_id if plain else hash_of(message_id))
