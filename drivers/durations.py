"""Durations as backends take them: whole numbers, rounded up so that nothing comes early. Pure."""

from __future__ import annotations

import math


def whole_ms(seconds: float) -> int:
    """Return whole milliseconds, at least 0."""
    return max(0, math.ceil(seconds * 1_000))


def whole_seconds(seconds: float) -> int:
    """Return whole seconds, at least 0."""
    return max(0, math.ceil(seconds))
