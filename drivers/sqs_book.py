"""Who holds which message: the journals of all owners that this process has to do with."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final

from sockq.drivers.sqs_journal import Entry, Journal, file_name

#: An empty file that nobody has touched for so long is of an owner that is gone.
_FORGOTTEN_SECONDS: Final = 3600.0
#: SQS counts from before its answer, we from after it: when it gives a message out again, our clock
#: may have this much left.
_ANSWER_SECONDS: Final = 1.0


class Book:
    """Journals by owner.

    Args:
        directory: Of this queue, shared by the fleet; None: memory of this process.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._journals: dict[str, Journal] = {}

    def add(self, owner: str, entries: Iterable[Entry]) -> None:
        """Note what ``owner`` holds from now on."""
        journal = self._journal(file_name(owner))
        with journal.locked(create=True):
            journal.add(entries)

    def live(self, owner: str, receipts: Iterable[str]) -> dict[str, Entry]:
        """Those that ``owner`` still holds, by receipt."""
        now = time.monotonic()
        journal = self._journal(file_name(owner))
        with journal.locked():
            found = [e for r in receipts if (e := journal.entries.get(r)) is not None]
        return {entry.receipt: entry for entry in found if entry.deadline > now}

    def remove(self, owner: str, receipts: Iterable[str]) -> None:
        """Note what ``owner`` holds no more."""
        journal = self._journal(file_name(owner))
        with journal.locked():
            journal.remove(receipts)

    def extend(self, owner: str, receipts: Iterable[str], deadline: float) -> None:
        """Note that ``owner`` holds these until ``deadline``, monotonic."""
        journal = self._journal(file_name(owner))
        with journal.locked():
            journal.extend(receipts, deadline)

    def seize(self, owner: str, limit: int) -> list[Entry]:
        """Take up to ``limit`` entries away from ``owner``; its file goes with the last."""
        journal = self._journal(file_name(owner))
        with journal.locked():
            found = journal.remove(list(journal.entries)[:limit])
            journal.unlink()
        return found

    def restore(self, owner: str, entries: Iterable[Entry]) -> None:
        """Put back what could not be given back; not what has a new entry by now."""
        self.add(owner, entries)

    def forget(self, receipts: Iterable[str]) -> None:
        """Note that nobody of this process holds these any more."""
        gone = set(receipts)
        for journal in list(self._journals.values()):
            here = gone.intersection(journal.entries)
            if here:
                with journal.locked():
                    journal.remove(here)

    def expired(self, message_ids: Container[str] | None = None) -> list[Entry]:
        """Take away, from everybody, what SQS gives to others by now.

        Args:
            message_ids: Only of these messages, which SQS has just given to somebody; None: of all.
        """
        now = time.monotonic() + (_ANSWER_SECONDS if message_ids is not None else 0.0)
        found: list[Entry] = []
        for journal in self._everybody():
            with journal.locked():
                over = [
                    e.receipt
                    for e in journal.entries.values()
                    if e.deadline <= now and (message_ids is None or e.message_id in message_ids)
                ]
                found += journal.remove(over)
                if (
                    journal.path
                    and not journal.entries
                    and _age_seconds(journal.path) > _FORGOTTEN_SECONDS
                ):
                    journal.unlink()
        return found

    def held(self) -> int:
        """Retries that wait inside their processes."""
        count = 0
        for journal in self._everybody():
            with journal.locked():
                count += sum(e.kind == "held" for e in journal.entries.values())
        return count

    def close(self) -> None:
        """Close the files. What still stands in them is of leases that go on."""
        for journal in self._journals.values():
            journal.close()
        self._journals.clear()

    def _journal(self, name: str) -> Journal:
        journal = self._journals.get(name)
        if journal is None:
            journal = Journal(self._directory / name if self._directory else None)
            self._journals[name] = journal
        return journal

    def _everybody(self) -> list[Journal]:
        if self._directory is not None:
            there: set[str] = set()
            with contextlib.suppress(OSError):
                there = {n for n in os.listdir(self._directory) if n.endswith(".leases")}  # noqa: PTH208 - names only
            for name in there:
                self._journal(name)
            for name in [n for n, j in self._journals.items() if n not in there and not j.entries]:
                self._journals.pop(name).close()
        return list(self._journals.values())


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
