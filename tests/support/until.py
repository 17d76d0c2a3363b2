"""Wait for a fact instead of sleeping: poll it, with a deadline, and say what was seen last."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

STEP_SECONDS = 0.005


def until(
    fact: Callable[[], T], within: float = 5.0, explain: Callable[[], str] | None = None
) -> T:
    """Call ``fact`` until it returns something true and return that.

    Args:
        fact: Cheap and free of side effects. An exception it raises goes through at once.
        within: Seconds to go on trying.
        explain: Asked for more to say when it did not come true: a log, say.

    Raises:
        AssertionError: the fact did not come true; the text shows what it was last.
    """
    deadline = time.monotonic() + within
    while True:
        seen = fact()
        if seen:
            return seen
        if time.monotonic() >= deadline:
            more = f"\n{explain()}" if explain is not None else ""
            raise AssertionError(_missed(fact, seen, within) + more)
        time.sleep(STEP_SECONDS)


@overload
async def async_until(fact: Callable[[], Awaitable[T]], within: float = 5.0) -> T: ...
@overload
async def async_until(fact: Callable[[], T], within: float = 5.0) -> T: ...
async def async_until(fact: Callable[[], object], within: float = 5.0) -> object:
    """As ``until``, in a loop that goes on meanwhile; ``fact`` may be a coroutine function."""
    deadline = time.monotonic() + within
    while True:
        answer = fact()
        seen = await answer if inspect.isawaitable(answer) else answer
        if seen:
            return seen
        if time.monotonic() >= deadline:
            raise AssertionError(_missed(fact, seen, within))
        await asyncio.sleep(STEP_SECONDS)


def _missed(fact: object, seen: object, within: float) -> str:
    name = getattr(fact, "__qualname__", repr(fact))
    return f"{name} did not come true within {within:g} s; last seen: {seen!r}"
