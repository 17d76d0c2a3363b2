"""All hosts that deliver one queue, from what they left in the backend."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sockq.drivers.errors import BackendRefused
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.drivers.source import Driver, Heartbeat
from sockq.supervisor.heartbeat import LATE_BEATS, LOST_BEATS
from sockq.supervisor.status_document import SCHEMA
from sockq.supervisor.status_words import Condition

_EVERY_SECONDS: Final = 5.0

Host = dict[str, Any]


def read_fleet(settings: DriverSettings) -> list[Host]:
    """Ask the backend once.

    Returns:
        A status document for each host, by name, with ``name``, ``age_seconds`` and ``seen`` added:
        ``now``, ``late`` (silent for 15 s) or ``lost`` (30 s). A host that was stopped is not
        among them; one that was lost is for five minutes.

    Raises:
        BackendUnavailable: it does not answer.
        BackendRefused: it says no, or has no place for heartbeats.
    """
    return asyncio.run(_read_once(settings))


async def _read_once(settings: DriverSettings) -> list[Host]:
    driver = make_driver(settings)
    try:
        await driver.open()
        return await ask(driver)
    finally:
        await driver.close()


async def ask(driver: Driver) -> list[Host]:
    """As ``read_fleet``, through a driver that is open."""
    beats = await driver.fleet()
    if beats is None:
        raise BackendRefused(
            f"the queue driver {driver.name} has no place where hosts could report; name each of"
            " them with --url http://HOST:9538/status.json"
        )
    return hosts_of(beats)


def hosts_of(beats: Iterable[Heartbeat]) -> list[Host]:
    """The documents of heartbeats, judged by their age. What cannot be read says so."""
    return [_host(beat) for beat in sorted(beats, key=lambda beat: beat.name)]


def _host(beat: Heartbeat) -> Host:
    document = _document(beat.document)
    every = document.get("heartbeat_seconds")
    every = float(every) if isinstance(every, int | float) and every > 0 else _EVERY_SECONDS
    age = beat.age_seconds
    seen = "now" if age < every * LATE_BEATS else "late" if age < every * LOST_BEATS else "lost"
    return {
        **document,
        "name": beat.name,
        "host": document.get("host") or beat.name.partition("/")[0],
        "age_seconds": round(age, 3),
        "seen": seen,
    }


def _document(raw: bytes) -> Host:
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("schema") == SCHEMA:
        return document
    what = "its heartbeat cannot be read: another version of sockq?"
    problem = {"kind": "unknown", "text": what}
    return {
        "schema": SCHEMA,
        "state": Condition.UNKNOWN,
        "problems": [problem],
        "workers": [],
        "queue": None,
    }


def odd_versions(hosts: Sequence[Host]) -> set[str]:
    """Versions that differ from what most hosts run; empty when all run the same."""
    running = [str(one.get("version") or "?") for one in hosts if one["seen"] != "lost"]
    usual = max(sorted(set(running)), key=running.count, default="")
    return {version for version in running if version != usual}


def fleet_state(hosts: Sequence[Host]) -> str:
    """One status word: lost and late hosts degrade the rest."""
    if not hosts:
        return Condition.DOWN
    if all(one["seen"] == "lost" for one in hosts):
        return Condition.UNKNOWN
    words = {str(one.get("state")) if one["seen"] == "now" else Condition.DEGRADED for one in hosts}
    return words.pop() if len(words) == 1 else Condition.DEGRADED
