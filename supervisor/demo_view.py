"""What the demo shows: a line for every delivery, and a summary."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from sockq.supervisor.output import say
from sockq.supervisor.receiver import Received
from sockq.workers import exits

#: Exit code: not all that was sent has arrived genuine.
MISSING: Final = 1
_OK = range(200, 300)


class DemoView:
    """Counts and prints.

    Args:
        stop: Set when nobody reads any more.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self.sent = 0
        self.delivered = 0
        self.verified = 0
        self._stop = stop
        self._broken = False
        self._arrived = asyncio.Event()

    async def all_here(self) -> None:
        """Wait until everything that was sent has arrived."""
        while self.verified < self.sent:
            self._arrived.clear()
            await self._arrived.wait()

    def begin(self, workers: int, url: str, rate: float, directory: Path) -> None:
        """Say what runs."""
        self._say(
            f"sockq demo: {workers} workers on a memory queue, {rate:g} events a second,"
            f" a receiver at {url} that checks every signature"
        )
        self._say(f"look at the fleet: sockq status --dir {directory}   stop: Ctrl-C")

    def heard(self, received: Received) -> None:
        """Show one request that the receiver got."""
        verdict = received.verdict
        delivered = received.status in _OK
        self.delivered += delivered
        self.verified += delivered and verdict.ok
        self._arrived.set()
        clock = time.strftime("%H:%M:%S", time.localtime(received.at_ms / 1000))
        result = f"{'delivered' if delivered else 'refused'} {received.status}"
        took = f"{received.at_ms - verdict.time_ms} ms" if verdict.time_ms else ""
        names = ",".join(verdict.names)
        self._say(f"{clock} {names:23} {verdict.channel:13} {result} {verdict.why} {took}")

    def end(self) -> int:
        """Print the summary; return the exit code. Raises ``BrokenPipeError`` when it cannot."""
        if self._broken:
            raise BrokenPipeError
        say(f"sent {self.sent}  delivered {self.delivered}  verified {self.verified}")
        return exits.OK if self.verified >= self.sent else MISSING

    def _say(self, line: str) -> None:
        if self._broken:
            return
        try:
            say(line)
        except BrokenPipeError:
            self._broken = True
            self._stop.set()
