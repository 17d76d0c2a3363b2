"""``sockq ctl``: one request to a running fleet, one line about what it did, an exit code."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sockq.supervisor.control_client import NoAnswerError, NoFleetError, ask
from sockq.supervisor.output import note, notes, say
from sockq.supervisor.settings_directory import place_of
from sockq.supervisor.status_document import duration, read_status
from sockq.supervisor.status_words import ABSENT

DONE: Final = 0
REFUSED: Final = 1
NO_FLEET: Final = 2
NO_ANSWER: Final = 3

_LOOK_SECONDS: Final = 0.1
_TELL_SECONDS: Final = 2.0

#: Of a document and the answer: what is still to do, or None when it is over.
Progress = Callable[[dict[str, Any], dict[str, Any]], str | None]


def control(
    directory: Path | None, request: dict[str, object], wait: Progress | None = None
) -> int:
    """Ask, say what was done, and wait for its end when ``wait`` says how.

    Returns:
        0 done, 1 refused, 2 no fleet, 3 it could not be asked.
    """
    place = place_of(directory)
    try:
        answer = ask(place, request)
    except NoFleetError as error:
        note(str(error))
        return NO_FLEET
    except NoAnswerError as error:
        note(str(error))
        return NO_ANSWER
    if not answer.get("ok"):
        note(str(answer.get("error", "refused")))
        notes(_lines(answer, "faults"))
        return REFUSED
    notes(_lines(answer, "warnings"), "warning: ")
    say(str(answer.get("did", "done")))
    return DONE if wait is None else _wait(place, answer, wait)


def until_stopped(document: dict[str, Any], _answer: dict[str, Any]) -> str | None:
    """Progress of a stop."""
    if document["state"] in ABSENT:
        return None
    workers = sum(one["pid"] is not None for one in document["workers"])
    left = document.get("drain_left_seconds")
    told = f"{workers} workers, {_held(document)} jobs in flight"
    return told if left is None else f"{told}, at most {duration(left)} left"


def until_drained(document: dict[str, Any], _answer: dict[str, Any]) -> str | None:
    """Progress of a drain: over when nothing is held, and nobody claims.

    A claim that waited for jobs when the pause came may still bring some, until its wait is over.
    """
    from sockq.workers.claimer import WAIT_SECONDS  # noqa: PLC0415 - brings asyncio

    serving = [one for one in document["workers"] if one["pid"]]
    paused = all(
        one["state"] == "paused" and one["state_seconds"] > WAIT_SECONDS for one in serving
    )
    held = _held(document)
    if (paused and not held) or document["state"] in ABSENT:
        return None
    return f"{held} jobs in flight"


def until_reloaded(document: dict[str, Any], answer: dict[str, Any]) -> str | None:
    """Progress of a restart or reload; a fleet that stops ends it, too."""
    if _is_reloaded(document, answer) or _stops(document, answer):
        return None
    return f"{document['workers_serving']} workers up, {document['workers_wanted']} wanted"


def _is_reloaded(document: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Whether the reload that was begun has ended, well or not."""
    reload = document.get("reload")
    if reload is None or document.get("pid") != answer["pid"]:
        return False
    return bool(reload["ok"] + reload["failed"] >= answer["reload"])


def _stops(document: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Whether the fleet that was asked stops, or is there no more."""
    over = document["state"] in ABSENT or document.get("pid") != answer["pid"]
    return over or document.get("phase") in ("draining", "stopped")


def _say_how_it_ended(directory: Path, document: dict[str, Any], answer: dict[str, Any]) -> int:
    """Say how a reload ended, if not well."""
    if not _is_reloaded(document, answer):
        note("the fleet stopped before all workers were replaced")
        return REFUSED
    if document["reload"]["last_ok"]:
        return DONE
    try:
        why = ask(directory, {"cmd": "status"}).get("reload_failure")
    except (NoFleetError, NoAnswerError):
        why = None
    note(f"given up: {why or 'the log says why'}")
    return REFUSED


def _lines(answer: dict[str, Any], name: str) -> list[str]:
    found = answer.get(name)
    return [str(one) for one in found] if isinstance(found, list) else []


def _held(document: dict[str, Any]) -> int:
    return sum(one.get("in_flight") or 0 for one in document["workers"] if one["pid"])


def _wait(directory: Path, answer: dict[str, Any], progress: Progress) -> int:
    tell_at = time.monotonic() + _TELL_SECONDS
    while True:
        document = read_status(directory)
        left = progress(document, answer)
        if left is None:
            break
        if time.monotonic() >= tell_at:
            note(left)
            tell_at += _TELL_SECONDS
        time.sleep(_LOOK_SECONDS)
    if progress is until_reloaded:
        return _say_how_it_ended(directory, document, answer)
    if progress is until_stopped:
        say("stopped")
    return DONE
