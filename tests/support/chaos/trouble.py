"""What a Redis server answered while it refused, from its own statistics."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from support.redis_server import RedisServer

_ERROR: Final = re.compile(r"errorstat_(\w+):count=(\d+)")


class Refusals:
    """How often a server refused, within a ``counted_refusals``.

    Attributes:
        count: Answers, once the block is over.
        seconds: It took.
    """

    count = 0
    seconds = 0.0

    def per_second(self, processes: int) -> float:
        """The average of so many processes that ask."""
        return self.count / self.seconds / processes


@contextmanager
def counted_refusals(server: RedisServer) -> Iterator[Refusals]:
    """Count the server's refusals in the block."""
    refusals = Refusals()
    before, began = sum(errors(server).values()), time.monotonic()
    yield refusals
    refusals.count = sum(errors(server).values()) - before
    refusals.seconds = time.monotonic() - began


def errors(server: RedisServer) -> dict[str, int]:
    """Error code to how often it was answered since the server's start."""
    found = _ERROR.findall(server.cli("INFO", "errorstats"))
    return {code: int(count) for code, count in found}
