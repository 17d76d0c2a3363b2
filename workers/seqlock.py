"""Text or bytes in shared memory: one writer, any number of readers, no lock.

A block is a word of sequence number (odd while the text changes), a word of length and CRC-32, then
the bytes. A reader that sees an odd or changed number, or a wrong CRC (a processor may show stores
in another order), tries again. A writer that dies in the middle leaves a block that reads as empty
until somebody writes it again.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

HEAD_BYTES: Final = 16
_READ_TRIES: Final = 50


def write_bytes(block: memoryview, data: bytes) -> None:
    """Put ``data`` into ``block`` (bytes, 8-aligned); it must fit (``room``)."""
    words = block[:HEAD_BYTES].cast("Q")
    words[0] |= 1
    words[1] = len(data) << 32 | crc32(data)
    block[HEAD_BYTES : HEAD_BYTES + len(data)] = data
    words[0] += 1


def read_bytes(block: memoryview) -> bytes:
    """Return what the last complete ``write_bytes`` put there; empty when there is none."""
    words = block[:HEAD_BYTES].cast("Q")
    for _ in range(_READ_TRIES):
        sequence = words[0]
        if sequence & 1:
            continue
        length, checksum = words[1] >> 32, words[1] & 0xFFFF_FFFF
        data = bytes(block[HEAD_BYTES : HEAD_BYTES + length])
        if words[0] == sequence and len(data) == length and crc32(data) == checksum:
            return data
    return b""


def room(block: memoryview) -> int:
    """How many bytes ``block`` takes."""
    return len(block) - HEAD_BYTES


def write_text(block: memoryview, text: str) -> None:
    """Put ``text`` into ``block`` (bytes, 8-aligned), cut to what fits at a character's edge."""
    data = text.encode("utf-8", "replace")
    if len(data) > room(block):
        data = data[: room(block)].decode("utf-8", "ignore").encode()
    write_bytes(block, data)


def read_text(block: memoryview) -> str:
    """Return what the last complete ``write_text`` put there; empty when there is none."""
    return read_bytes(block).decode("utf-8", "replace")
