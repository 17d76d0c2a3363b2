"""What the parent writes on the board about the fleet as a whole."""

from __future__ import annotations

import json
import os
import platform
import time

from sockq.drivers.settings import DriverSettings
from sockq.supervisor import board_words as words
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.http_settings import SOCKET_NAME
from sockq.workers import board as slot_words
from sockq.workers.board import NS
from sockq.workers.board_memory import Board
from sockq.workers.seqlock import write_text


class FleetBoard:
    """The header of the board, and the ring of events.

    Attributes:
        pid: Of this process.
        board: The whole board.
    """

    def __init__(self, board: Board, settings: FleetSettings) -> None:
        self.board = board
        self.pid = os.getpid()
        self._header = header = board.header
        header[words.PARENT_PID] = self.pid
        header[words.STARTED_NS] = time.monotonic_ns()
        header[words.STARTED_UNIX_MS] = time.time_ns() // 1_000_000
        header[words.PARENT_BEAT_NS] = time.monotonic_ns()
        header[words.RELOAD_OK] = 1
        header[words.RELOAD_UNIX_MS] = header[words.STARTED_UNIX_MS]
        facts = {
            "version": settings.version,
            "host": platform.node(),
            "driver": driver_name(settings.driver),
            "drain_seconds": settings.drain_seconds,
            "hang_seconds": settings.hang_seconds,
        }
        if settings.http is not None:
            facts["http_host"] = settings.http.host
            facts["http_socket"] = str(settings.directory / SOCKET_NAME)
        write_text(board.header_text, json.dumps(facts | settings.facts, default=str))

    @property
    def state(self) -> FleetState:
        """What ``set_state`` said last."""
        return FleetState(self._header[words.FLEET_STATE])

    @property
    def in_flight(self) -> int:
        """Jobs that the workers hold."""
        used = range(self._header[words.SLOTS_USED])
        return sum(
            self.board.slot(index).words[slot_words.IN_FLIGHT]
            for index in used
            if self.board.parent_words(index)[words.PROCESS_PID]
        )

    def set_state(self, state: FleetState) -> None:
        """The fleet is in this state from now on."""
        if state is not self.state:
            self._header[words.FLEET_STATE] = state
            self._header[words.FLEET_STATE_SINCE_NS] = time.monotonic_ns()

    def set(self, word: int, value: int) -> None:
        """Write one word of the header."""
        self._header[word] = value

    def add(self, word: int) -> None:
        """Count one up."""
        self._header[word] += 1

    def turned(self, now: float, lag: float, dropped: int) -> None:
        """The loop turned, ``lag`` seconds later than it meant to."""
        header = self._header
        header[words.PARENT_BEAT_NS] = int(now * NS)
        header[words.WORST_LAG_NS] = max(header[words.WORST_LAG_NS], int(max(lag, 0.0) * NS))
        header[words.LOG_DROPPED] = dropped

    def event(self, level: str, text: str) -> None:
        """Put a line into the ring: ``unix-ms level text``."""
        number = self._header[words.NEXT_EVENT]
        at = time.time_ns() // 1_000_000
        write_text(self.board.event(number), f"{at} {level} {text}")
        self._header[words.NEXT_EVENT] = number + 1


def driver_name(settings: DriverSettings) -> str:
    """``redis``, ``memory``, …: as ``queue.driver`` spells it."""
    return type(settings).__name__.removesuffix("Settings").lower()
