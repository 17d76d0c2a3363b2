"""Which endpoints the operator has disabled: on the board for the workers, in a file for later.

The file is for the next parent. It stands in the fleet's directory, for its user alone, and is
replaced whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sockq.supervisor.fleet_board import FleetBoard
from sockq.supervisor.whole_file import replace_whole
from sockq.workers.disabled import Disabled, DisabledList, decode, encode
from sockq.workers.logs import Event, Log

DISABLED_NAME: Final = "disabled.json"
_SHOWN: Final = 3


class DisabledFileError(Exception):
    """The file is there and cannot be read; one line for the user."""


def read_disabled(directory: Path) -> tuple[Disabled, ...]:
    """What a parent before has left in the fleet's directory.

    Raises:
        DisabledFileError: It cannot be read. Whatever is sent then may go where it must not.
    """
    path = directory / DISABLED_NAME
    try:
        found = decode(path.read_bytes())
        encode(found)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DisabledFileError(
            f"cannot tell which endpoints are disabled: {path}: {why}; mend it, or remove it to"
            " enable all"
        ) from error
    return found


class Disabling:
    """The list, in the order in which they were disabled.

    Args:
        directory: The fleet's.
        left: What the parent before has left (``read_disabled``).
        fleet: Its board.
        log: Where it is told.
    """

    def __init__(
        self, directory: Path, left: Iterable[Disabled], fleet: FleetBoard, log: Log
    ) -> None:
        self._path = directory / DISABLED_NAME
        self._list: DisabledList = fleet.board.disabled
        self._endpoints = {one.id: one for one in left}
        self._fleet = fleet
        self._log = log
        self._list.write(self._endpoints.values())
        if self._endpoints:
            self._tell_left()

    def disable(self, id_: str, app: str, label: str, by: str) -> bool:
        """Let nothing be sent to an endpoint any more; False: it is disabled already.

        Raises:
            OSError: The file cannot be written; nothing was changed.
            ValueError: There are too many; nothing was changed.
        """
        if id_ in self._endpoints:
            return False
        one = Disabled(id_, app, label, time.time_ns() // 1_000_000, by)
        self._keep({**self._endpoints, id_: one})
        self._log.warning(Event.ENDPOINT_DISABLED, **_told(one), by=by or None)
        self._fleet.event("warning", f"endpoint disabled: {app} {label}{_who(by)}")
        return True

    def enable(self, id_: str, by: str) -> Disabled | None:
        """Send again; None: it was not disabled.

        Raises:
            OSError: The file cannot be written; nothing was changed.
        """
        one = self._endpoints.get(id_)
        if one is not None:
            self._keep({key: kept for key, kept in self._endpoints.items() if key != id_})
            self._log.info(Event.ENDPOINT_ENABLED, **_told(one), by=by or None)
            self._fleet.event("info", f"endpoint enabled: {one.app} {one.label}{_who(by)}")
        return one

    def _keep(self, endpoints: dict[str, Disabled]) -> None:
        """In the file first: what is on the board is obeyed at once, and must not be forgotten."""
        replace_whole(self._path, encode(endpoints.values()))
        self._list.write(endpoints.values())
        self._endpoints = endpoints

    def _tell_left(self) -> None:
        """Nobody may have known that the fleet that starts here sends nothing to some."""
        each = [f"{one.app} {one.label}" for one in self._endpoints.values()]
        told = ", ".join(each[:_SHOWN]) + (", …" if len(each) > _SHOWN else "")
        self._log.warning(Event.ENDPOINTS_LEFT_DISABLED, count=len(each), endpoints=told)
        self._fleet.event("warning", f"still disabled since before this start: {told}")


def _told(one: Disabled) -> dict[str, str]:
    return {"app": one.app, "endpoint": one.label, "id": one.id}


def _who(by: str) -> str:
    return f" ({by})" if by else ""
