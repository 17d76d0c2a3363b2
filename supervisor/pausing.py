"""A pause: the workers claim nothing more until it ends, by itself or by a word."""

from __future__ import annotations

import math

from sockq.supervisor.crew import Crew
from sockq.supervisor.process import Process
from sockq.workers.channel_words import PAUSE, RESUME
from sockq.workers.logs import Event, Log


class Pausing:
    """Whether the fleet is paused.

    Attributes:
        on: It is.
        until: When that ends by itself, monotonic seconds.
        by_signal: TSTP began it. CONT ends no other: it also comes when the parent itself was
            stopped, and an operator's pause must outlast that.
    """

    def __init__(self, crew: Crew, log: Log) -> None:
        self.on = self.by_signal = False
        self.until = math.inf
        self._crew = crew
        self._log = log

    def begin(self, until: float = math.inf, *, by_signal: bool = False) -> None:
        """Have the workers claim nothing more. An operator's pause stays an operator's."""
        self.by_signal = by_signal and (self.by_signal or not self.on)
        self.on = True
        self.until = until
        self._log.info(Event.FLEET_PAUSED)
        self._tell(PAUSE)

    def end(self) -> None:
        """Have them claim again."""
        self.on = self.by_signal = False
        self.until = math.inf
        self._log.info(Event.FLEET_RESUMED)
        self._tell(RESUME)

    def act(self, now: float) -> None:
        """End it when its time has come."""
        if now >= self.until:
            self.end()

    def tell(self, process: Process) -> None:
        """A new worker has to know."""
        if self.on:
            process.channel.send(PAUSE)

    def _tell(self, word: bytes) -> None:
        for worker in self._crew.workers:
            if worker.process is not None:
                worker.process.channel.send(word)
