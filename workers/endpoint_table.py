"""The table of endpoints in a worker's slot: JSON in two blocks, written in turn.

A worker that is killed while it writes leaves the other block whole, so its successor goes on from
counters that readers have seen, and none ever goes back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from sockq.workers.endpoint_stats import EndpointRow
from sockq.workers.seqlock import read_bytes, room, write_bytes

#: Rows of a table; the row for all the others is one more.
MOST_ROWS: Final = 200

Blocks = tuple[memoryview, memoryview]


class _Page(msgspec.Struct, array_like=True):
    number: int
    rows: list[EndpointRow]


_decode = msgspec.json.Decoder(_Page).decode
_encode = msgspec.json.Encoder().encode


def read_table(blocks: Blocks) -> list[EndpointRow]:
    """The rows of the newest whole block; none when there is none."""
    return _newest(blocks).rows


class EndpointTable:
    """The writer's side."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        page = _newest(blocks)
        self._number = page.number
        self._last = b""
        self.left: Sequence[EndpointRow] = page.rows

    def write(self, rows: Iterable[EndpointRow]) -> None:
        """Show ``rows`` to readers, when anything has changed.

        What does not fit is left out: the last failures first, then rows.
        """
        shown = list(rows)
        data = _encode(shown)
        if data == self._last:
            return
        self._last = data
        number = self._number + 1
        block = self._blocks[number % 2]
        data = b"[%d,%b]" % (number, data)
        if len(data) > room(block):
            shown = [msgspec.structs.replace(row, recent=row.recent[-1:]) for row in shown]
            data = b"[%d,%b]" % (number, _encode(shown))
        while len(data) > room(block):
            shown = shown[: len(shown) * 3 // 4]
            data = b"[%d,%b]" % (number, _encode(shown))
        write_bytes(block, data)
        self._number = number


def _newest(blocks: Blocks) -> _Page:
    newest = _Page(0, [])
    for block in blocks:
        with contextlib.suppress(msgspec.DecodeError):
            page = _decode(read_bytes(block))
            if page.number > newest.number:
                newest = page
    return newest
