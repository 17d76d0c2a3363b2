"""A file in which the processes of one fleet share who holds which message: one file per owner.

Lines are only added (one write each time, under a lock), so a process that is killed leaves what
it had written; a line cut short is skipped. A file that has grown is written anew and renamed.
Times in the file are milliseconds of the monotonic clock, which all processes since a start of the
machine share, and which nobody sets; in memory they are its seconds. What an earlier start of the
machine left is over.

Nothing here protects a job: when a file is lost, its messages come back when SQS' own time is over.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

import msgspec

#: A file this large is written anew when most of it is history.
_LARGE_BYTES: Final = 256 * 1024
_LINE_BYTES: Final = 600
_READ_BYTES: Final = 1 << 20

#: A lease; a message that waits in its process to be handed out; a retry that waits there.
Kind = Literal["lease", "waiting", "held"]


class Entry(msgspec.Struct, gc=False):
    """One message that an owner holds.

    Attributes:
        receipt: Of the lease; for other kinds the handle.
        kind: See ``Kind``.
        deadline: Monotonic time at which SQS gives the message to somebody else.
        message_id: SQS's.
        receives: How often SQS had given it out.
        unexplained: How many of these nothing explains; see ``Message``.
        group: Its message group.
        recorded: Something is stored beside it.
        mark: See ``job_mark.mark_of``; empty for what is not a lease.
        settling: A settlement is under way. Of this process only.
        moved: It was sent again; only its deletion is missing. Of this process only.
    """

    receipt: str
    kind: Kind
    deadline: float
    message_id: str
    receives: int
    group: str | None
    recorded: bool = False
    mark: str = ""
    unexplained: int = 0
    settling: bool = False
    moved: bool = False


class _Line(msgspec.Struct, array_like=True):
    sign: Literal["+", "~", "-"]
    receipt: str
    until_ms: int = 0
    kind: Kind = "lease"
    message_id: str = ""
    receives: int = 0
    group: str | None = None
    recorded: bool = False
    boot: str = ""
    mark: str = ""
    unexplained: int = 0


def _boot() -> str:
    """Names this start of the machine; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return ""


_BOOT: Final = _boot()

_LINE = msgspec.json.Decoder(_Line)


class Journal:
    """The entries of one owner, kept in a file if there is a directory.

    Args:
        path: The file; None: memory of this process only.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self._file = -1
        self._read_to = 0
        self._partial = b""

    @contextlib.contextmanager
    def locked(self, *, create: bool = False) -> Iterator[None]:
        """Know what others have written, and keep them out meanwhile. Brief: no waiting inside."""
        if self.path is None or not self._lock(self.path, create=create):
            yield
            return
        try:
            yield
        finally:
            if self._file >= 0:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def add(self, entries: Iterable[Entry]) -> None:
        """Note messages that the owner holds from now on."""
        lines = []
        for entry in entries:
            self.entries[entry.receipt] = entry
            lines.append(_added(entry))
        self._write(lines)

    def extend(self, receipts: Iterable[str], deadline: float) -> None:
        """Note a later end."""
        lines = []
        for receipt in receipts:
            entry = self.entries.get(receipt)
            if entry is not None:
                entry.deadline = deadline
                lines.append(_Line("~", receipt, int(deadline * 1000), boot=_BOOT))
        self._write(lines)

    def remove(self, receipts: Iterable[str]) -> list[Entry]:
        """Note that these are held no more; returns those that were."""
        gone = [e for r in receipts if (e := self.entries.pop(r, None)) is not None]
        self._write([_Line("-", entry.receipt) for entry in gone])
        return gone

    def unlink(self) -> None:
        """Remove the file, if nothing stands in it. Inside ``locked``."""
        if self._file >= 0 and self.path is not None and not self.entries:
            with contextlib.suppress(OSError):
                self.path.unlink()

    def close(self) -> None:
        """Close the file; nobody is kept out any more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _lock(self, path: Path, *, create: bool) -> bool:
        """Lock the file that stands at the path now, and read what is new in it.

        False: there is none, or no disk; what is known goes on in memory.
        """
        try:
            while True:
                if self._file >= 0:
                    fcntl.flock(self._file, fcntl.LOCK_EX)
                    self._catch_up()
                    if os.fstat(self._file).st_nlink:
                        return True
                    self.close()  # removed or written anew meanwhile; what stood in it is known
                flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if create else 0)
                self._file = os.open(path, flags, 0o600)
                self._read_to, self._partial = 0, b""
                fcntl.flock(self._file, fcntl.LOCK_EX)
                if os.fstat(self._file).st_size == 0:
                    self._write([_added(entry) for entry in self.entries.values()])
                else:
                    self._read_all()
        except OSError:  # a full disk must not stop deliveries
            return False

    def _read_all(self) -> None:
        """Another file than before: its content counts, beside the marks of this process."""
        before, self.entries = self.entries, {}
        self._catch_up()
        for receipt, entry in before.items():
            if receipt in self.entries and (entry.settling or entry.moved):
                entry.deadline = self.entries[receipt].deadline
                self.entries[receipt] = entry

    def _catch_up(self) -> None:
        while data := os.pread(self._file, _READ_BYTES, self._read_to):
            self._read_to += len(data)
            *lines, self._partial = (self._partial + data).split(b"\n")
            for line in lines:
                self._apply(line)

    def _apply(self, text: bytes) -> None:
        try:
            line = _LINE.decode(text)
        except msgspec.DecodeError:
            return
        if line.sign == "-":
            self.entries.pop(line.receipt, None)
            return
        deadline = line.until_ms / 1000 if line.boot == _BOOT else 0.0
        if line.sign == "~":
            if line.receipt in self.entries:
                self.entries[line.receipt].deadline = deadline
            return
        self.entries[line.receipt] = Entry(
            line.receipt,
            line.kind,
            deadline,
            line.message_id,
            line.receives,
            line.group,
            line.recorded,
            line.mark,
            line.unexplained,
        )

    def _write(self, lines: list[_Line]) -> None:
        if self._file < 0 or not lines:
            return
        data = b"".join([msgspec.json.encode(line) + b"\n" for line in lines])
        if self._partial:  # somebody was killed while writing
            data, self._partial = b"\n" + data, b""
        with contextlib.suppress(OSError):
            if self._read_to > max(_LARGE_BYTES, 4 * _LINE_BYTES * len(self.entries)):
                self._write_anew()
                return
            # Kept in the page cache: it outlives the process, and after a power cut SQS' own
            # timeouts have long run out.
            written = os.write(self._file, data)
            self._read_to += written
            self._partial = data[written:] and b"cut"

    def _write_anew(self) -> None:
        assert self.path is not None
        new = self.path.with_suffix(f".{os.getpid()}.new")
        data = b"".join([msgspec.json.encode(_added(e)) + b"\n" for e in self.entries.values()])
        new.write_bytes(data)
        new.chmod(0o600)
        new.rename(self.path)
        # The lock on the old file holds until ``locked`` ends; who waits for it sees it is gone.
        # What it says is still true, so nobody has to go back to it.


def file_name(owner: str) -> str:
    """Readable, and different for every owner."""
    digest = hashlib.sha256(owner.encode()).hexdigest()[:12]
    return f"{quote(owner, safe='')[:80]}-{digest}.leases"


def _added(entry: Entry) -> _Line:
    return _Line(
        "+",
        entry.receipt,
        int(entry.deadline * 1000),
        entry.kind,
        entry.message_id,
        entry.receives,
        entry.group,
        entry.recorded,
        _BOOT,
        entry.mark,
        entry.unexplained,
    )
