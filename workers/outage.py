"""A backend that is away is a state: reported once when it starts and once when it ends.

Waits between tries grow with jitter, so that a fleet does not come back in one stroke.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from enum import Enum, auto

from sockq.drivers.errors import SockqError

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 3.0


class Recovery:
    """Tells everybody who waits out an outage that one of them got through."""

    def __init__(self) -> None:
        self._seen = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Wait this long, or until somebody got through."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._seen.wait()

    def announce(self) -> None:
        """Somebody got through: wake those who wait now."""
        self._seen.set()
        self._seen = asyncio.Event()


class Verb(Enum):
    """What may be in trouble: a server without memory, say, still ends leases and gives none."""

    CLAIM = auto()
    SETTLE = auto()
    EXTEND = auto()
    #: Of what was refused alone, while other settlements pass.
    RESETTLE = auto()


class Outage:
    """Trouble with one source. It lasts until every verb that failed has succeeded again.

    Args:
        recovery: Shared by the sources of one backend.
        on_down: Called with the error when the trouble starts.
        on_up: Called with its length in seconds when it is over.
    """

    def __init__(
        self,
        recovery: Recovery,
        on_down: Callable[[SockqError], None],
        on_up: Callable[[float], None],
    ) -> None:
        self._recovery = recovery
        self._on_down = on_down
        self._on_up = on_up
        self._since: float | None = None
        self._tries: dict[Verb, int] = {}

    @property
    def down(self) -> bool:
        """Whether the last word from the backend was an error."""
        return self._since is not None

    def failed(self, verb: Verb) -> bool:
        """Whether this verb has not succeeded since it failed."""
        return verb in self._tries

    def note(self, verb: Verb, error: SockqError) -> float:
        """Note a failure; return the seconds to wait before the next try."""
        if self._since is None:
            self._since = time.monotonic()
            self._on_down(error)
        tries = self._tries.get(verb, 0)
        self._tries[verb] = tries + 1
        return wait_seconds(tries, random.random())  # noqa: S311 - jitter

    async def wait(self, verb: Verb, error: SockqError) -> None:
        """Note a failure and wait before the next try."""
        await self._recovery.wait(self.note(verb, error))

    def over(self, verb: Verb) -> None:
        """Note a success. Cheap when there was no trouble."""
        if self._since is None:
            return
        self._tries.pop(verb, None)
        if self._tries:
            return
        length = time.monotonic() - self._since
        self._since = None
        self._recovery.announce()
        self._on_up(length)


def wait_seconds(tries: int, chance: float) -> float:
    """Jitter over an exponential: half to whole of 0.1 s x 2^tries, at most 3 s."""
    ceiling = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(tries, 16))
    return ceiling * (0.5 + chance / 2)
