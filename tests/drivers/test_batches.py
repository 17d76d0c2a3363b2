"""Long lists are cut by number and by bytes, in order, and nothing is left out."""

from __future__ import annotations

import pytest

from sockq.drivers.batches import batches


@pytest.mark.parametrize(
    ("items", "most", "most_bytes", "expected"),
    [
        ([], 2, 9, []),
        ([1, 1, 1, 1, 1], 2, None, [[1, 1], [1, 1], [1]]),
        ([1, 1, 1, 1], 2, 9, [[1, 1], [1, 1]]),
        ([5, 4, 1], None, 9, [[5, 4], [1]]),
        ([5, 5, 9, 1, 1], 9, 9, [[5], [5], [9], [1, 1]]),
        ([10, 1, 10], None, 9, [[10], [1], [10]]),
        ([9, 0, 0, 1], 3, 9, [[9, 0, 0], [1]]),
        ([1, 2, 3], None, None, [[1, 2, 3]]),
    ],
)
def test_the_cuts(
    items: list[int], most: int | None, most_bytes: int | None, expected: list[list[int]]
) -> None:
    assert list(batches(items, most, size=lambda item: item, most_bytes=most_bytes)) == expected
    assert list(batches(iter(items), most, size=int, most_bytes=most_bytes)) == expected


def test_without_a_size_only_the_number_counts() -> None:
    assert [len(batch) for batch in batches(range(2_500), 1_000)] == [1_000, 1_000, 500]
