"""Durations are rounded up: nothing comes early."""

from __future__ import annotations

import pytest

from sockq.drivers.durations import whole_ms, whole_seconds


@pytest.mark.parametrize(
    ("seconds", "ms"), [(-1.0, 0), (0.0, 0), (0.0001, 1), (0.001, 1), (0.0011, 2), (30.0, 30_000)]
)
def test_whole_milliseconds(seconds: float, ms: int) -> None:
    assert whole_ms(seconds) == ms


@pytest.mark.parametrize(
    ("seconds", "whole"), [(-1.5, 0), (0.0, 0), (0.001, 1), (1.0, 1), (1.001, 2), (900, 900)]
)
def test_whole_seconds(seconds: float, whole: int) -> None:
    assert whole_seconds(seconds) == whole
