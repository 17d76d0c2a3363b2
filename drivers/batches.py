"""Cuts long lists into calls that hold a server only briefly. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def batches(
    items: Iterable[T],
    most: int | None = None,
    *,
    size: Callable[[T], int] | None = None,
    most_bytes: int | None = None,
) -> Iterator[list[T]]:
    """Cut into lists of bounded number and, where ``size`` is given, of bounded bytes.

    Args:
        items: In order.
        most: How many one list may hold; None: any number.
        size: Bytes of one item.
        most_bytes: How many bytes one list may hold, unless a single item is larger; None: any.
    """
    batch: list[T] = []
    total_bytes = 0
    for item in items:
        item_bytes = size(item) if size else 0
        is_full = most is not None and len(batch) >= most
        is_heavy = most_bytes is not None and total_bytes + item_bytes > most_bytes
        if batch and (is_full or is_heavy):
            yield batch
            batch, total_bytes = [], 0
        batch.append(item)
        total_bytes += item_bytes
    if batch:
        yield batch
