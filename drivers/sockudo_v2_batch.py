"""Cut long lists into calls that hold the server only briefly. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

#: Members of one script call. Lua can unpack some 8,000 values; a script gives several a member.
LONGEST_BATCH: Final = 1_000
_BATCH_BYTES: Final = 8 << 20


def batches(items: Sequence[T], size: Callable[[T], int] | None = None) -> Iterator[list[T]]:
    """Cut into script calls, by number and, where ``size`` is given, by bytes."""
    batch: list[T] = []
    room = _BATCH_BYTES
    for item in items:
        cost = size(item) if size else 0
        if batch and (len(batch) >= LONGEST_BATCH or cost > room):
            yield batch
            batch, room = [], _BATCH_BYTES
        batch.append(item)
        room -= cost
    if batch:
        yield batch
