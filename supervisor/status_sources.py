"""Where status documents come from: the board of a directory, or other hosts over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from sockq.drivers.settings import DriverSettings
from sockq.supervisor.screen_picture import Reading
from sockq.supervisor.status_document import SCHEMA, absent_document, read_status
from sockq.supervisor.status_words import Condition

_TIMEOUT_SECONDS: Final = 2.0
_MOST_BYTES: Final = 16 * 1024 * 1024
_CLOSEST_SECONDS: Final = 1.0


class Source(Protocol):
    """Gives documents."""

    def read(self) -> list[Reading]:
        """What is known now; never blocks for long, never raises."""

    def close(self) -> None:
        """Give back what it holds."""


class BoardSource:
    """The fleet of a directory on this machine: one look at its board for each reading."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def read(self) -> list[Reading]:
        """Look now."""
        return [Reading(str(self.directory), read_status(self.directory))]

    def close(self) -> None:
        """Nothing is kept."""


class UrlSource:
    """Other hosts: a thread each fetches their documents, so that a lost one holds up nobody.

    Args:
        urls: ``http://HOST:9538/status.json`` each.
        interval_seconds: From one fetch to the next, at least a second.
    """

    def __init__(self, urls: Sequence[str], interval_seconds: float = _CLOSEST_SECONDS) -> None:
        self._hosts = [_Host(url, max(interval_seconds, _CLOSEST_SECONDS)) for url in urls]
        for host in self._hosts:
            threading.Thread(target=host.fetch_for_ever, daemon=True).start()
        for host in self._hosts:
            host.first.wait(_TIMEOUT_SECONDS * 2)

    def read(self) -> list[Reading]:
        """The newest that each host gave."""
        now = time.monotonic()
        return [host.reading(now) for host in self._hosts]

    def close(self) -> None:
        """Let the threads end."""
        for host in self._hosts:
            host.over.set()


class _Host:
    def __init__(self, url: str, interval_seconds: float) -> None:
        self._url = url
        self._interval = interval_seconds
        self.label = urlsplit(url).netloc
        self.first = threading.Event()
        self.over = threading.Event()
        self._latest: tuple[dict[str, Any], float, bool] | None = None
        self._error = ""

    def fetch_for_ever(self) -> None:
        while not self.over.is_set():
            try:
                self._latest = fetch(self._url), time.monotonic(), False
                self._error = ""
            except (OSError, ValueError, http.client.HTTPException) as error:
                self._error = _why(error)
            self.first.set()
            self.over.wait(self._interval)

    def reading(self, now: float) -> Reading:
        latest, error = self._latest, self._error
        if latest is None:
            text = f"cannot read {self._url}: {error or 'no answer yet'}"
            return Reading(
                self.label, absent_document(Path(), Condition.UNKNOWN, text), error=error
            )
        document, at, seen = latest
        if not seen and not error:
            self._latest = document, at, True
            return Reading(self.label, document)
        # An age of 0 says that the document is new.
        return Reading(self.label, document, max(now - at, 0.001), error)


def fetch(url: str) -> dict[str, Any]:
    """One document.

    Raises:
        OSError, http.client.HTTPException: it cannot be had.
        ValueError: what came is no status document.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        target = (parts.path or "/status.json") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(_MOST_BYTES)
    finally:
        connection.close()
    document = json.loads(body) if body[:1] == b"{" else None
    if not isinstance(document, dict) or "state" not in document:
        raise ValueError(f"status {answer.status}, no status document")
    if document.get("schema") != SCHEMA:
        raise ValueError(
            f"a document of schema {document.get('schema')}, this sockq reads {SCHEMA}"
        )
    return document


def complaint_about_url(url: str) -> str | None:
    """Why a URL cannot be read; None: it can."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return "it is no URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        return "give http://HOST:9538/status.json"
    if parts.username or parts.password:
        return "credentials in it would show on screens; leave them out"
    return None


def choose(directory: Path, urls: Sequence[str], fleet: DriverSettings | None = None) -> Source:
    """All hosts of a queue if one is given, the URLs where there are any, else the directory."""
    if fleet is not None:
        from sockq.supervisor.fleet_source import FleetSource  # noqa: PLC0415 - brings the driver

        return FleetSource(fleet)
    return UrlSource(urls) if urls else BoardSource(directory)


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower() if error.errno > 0 else "name not found"
    return str(error) or type(error).__name__
