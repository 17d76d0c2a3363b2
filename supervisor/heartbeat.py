"""Tells the other hosts of the fleet, through the backend, how this one does."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.source import Driver
from sockq.supervisor import board_words as words
from sockq.supervisor.board_snapshot import take, totals
from sockq.supervisor.board_words import FleetState
from sockq.supervisor.status_document import make_document
from sockq.workers.board_memory import Board
from sockq.workers.logs import Event, Log

#: A host silent for this many heartbeats is late, or lost.
LATE_BEATS: Final = 3
LOST_BEATS: Final = 6
#: One hash holds all hosts, and each reads it whole.
_MOST_BYTES: Final = 64 * 1024
_TOO_MUCH: Final = ("endpoints", "events", "helpers", "facts", "http", "directory")
_OF_A_WORKER: Final = (
    "name", "pid", "state", "state_seconds", "generation", "up_seconds", "restarts", "last_cause",
    "last_exit", "last_end_seconds", "next_start_seconds", "beat_seconds", "in_flight", "waiting",
    "in_flight_limit", "rss_bytes", "delivered", "failed", "attempts", "cpu_seconds", "p50_ms",
    "p95_ms",
)  # fmt: skip
_LEAVES: Final = frozenset({FleetState.DRAINING, FleetState.STOPPED})


class Heart:
    """The heartbeats of one host.

    Args:
        driver: Open.
        board: The fleet's, read only.
        directory: The fleet's: tells it from others on the same host.
        every_seconds: From one heartbeat to the next.
        log: For a backend that refuses them.
    """

    def __init__(
        self, driver: Driver, board: Board, directory: Path, every_seconds: float, log: Log
    ) -> None:
        self._driver = driver
        self._board = board
        self._directory = directory
        self._every = every_seconds
        self._log = log
        self._told = False

    async def beat_for_ever(self) -> None:
        """Beat until cancelled. A backend that is away is no news here; one that refuses is once.

        Where the backend has no place for heartbeats it just waits to be cancelled.
        """
        while True:
            if not await self._beat():
                await asyncio.Event().wait()
            # Jitter: the hosts of a large fleet must not come to the backend together.
            await asyncio.sleep(self._every * random.uniform(0.9, 1.1))  # noqa: S311 - no secret

    async def leave(self) -> None:
        """Take the word back if the fleet was told to stop; after a crash it stays, to be missed.

        Raises:
            SockqError: the backend does not take it.
        """
        if self._told and self._board.header[words.FLEET_STATE] in _LEAVES:
            name, _ = self._document()
            await self._driver.heartbeat(name, b"", self._every * LOST_BEATS)

    async def _beat(self) -> bool:
        name, document = self._document()
        try:
            self._told = await self._driver.heartbeat(name, document, self._every * LOST_BEATS)
        except BackendUnavailable:
            return True
        except BackendRefused as error:
            self._log.warning(Event.HEARTBEAT_REFUSED, error=str(error))
            return False
        return self._told

    def _document(self) -> tuple[str, bytes]:
        view = take(self._board)
        whole = make_document(view, totals(self._board), self._directory)
        told = heartbeat_document(whole, self._every)
        return host_name(str(view.facts.get("host") or "?"), self._directory), told


def host_name(host: str, directory: Path) -> str:
    """``HOST/01234567``: the same again for a fleet that is started anew in its directory."""
    digest = blake2b(str(directory).encode(errors="surrogateescape"), digest_size=4)
    return f"{host}/{digest.hexdigest()}"


def heartbeat_document(document: Mapping[str, Any], every_seconds: float) -> bytes:
    """The status document less what only its own host needs; the workers go first if it is long."""
    told = {key: value for key, value in document.items() if key not in _TOO_MUCH}
    told["at"] = document.get("at", time.time())
    told["heartbeat_seconds"] = every_seconds
    told["workers"] = [
        {key: one[key] for key in _OF_A_WORKER if key in one} for one in document["workers"]
    ]
    encoded = _encode(told)
    if len(encoded) > _MOST_BYTES:
        encoded = _encode(told | {"workers": [], "workers_left_out": len(told["workers"])})
    return encoded


def _encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
