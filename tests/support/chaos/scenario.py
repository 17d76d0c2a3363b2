"""Declares a test to be a scenario: its number, and the sources it runs on."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., None])

#: ``all``: every scenario on every source of its; ``short``: each on its first one; else none.
SELECTION: Final = "SOCKQ_CHAOS"
#: Factor for those that go on for a while: 1 is short.
LENGTH: Final = "SOCKQ_CHAOS_LENGTH"
#: Where a killed worker must not lose a job.
EVERYWHERE: Final = ("v1", "v2", "bullmq", "memory", "cluster", "sqs", "fifo")
_TIMEOUT_SECONDS: Final = 150


def scenario(number: int, *sources: str) -> Callable[[F], F]:
    """Mark a test as scenario ``number`` on ``sources``; the first is that of a short run."""

    def decorate(test: F) -> F:
        params: list[Any] = [
            pytest.param(source, marks=pytest.mark.chaos(number, short=place == 0))
            for place, source in enumerate(sources)
        ]
        marked: F = pytest.mark.parametrize("source", params)(test)
        bounded: F = pytest.mark.timeout(_TIMEOUT_SECONDS)(marked)
        return bounded

    return decorate


def starting_with(first: str) -> tuple[str, ...]:
    """All sources, another one first: so a short run sees each of them somewhere."""
    return (first, *(source for source in EVERYWHERE if source != first))


def is_selected(item: pytest.Item) -> bool:
    """Whether this run wants the test."""
    mark = item.get_closest_marker("chaos")
    if mark is None:
        return True
    wanted = os.environ.get(SELECTION)
    return wanted == "all" or (wanted == "short" and bool(mark.kwargs["short"]))


def lasting(seconds: float) -> float:
    """How long a scenario goes on that could go on for ever."""
    return seconds * float(os.environ.get(LENGTH, "1"))
