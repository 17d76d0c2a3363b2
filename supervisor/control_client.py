"""Asks a fleet's control socket."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path
from typing import Final

from sockq.supervisor.pidlock import CONTROL_NAME, read_lock
from sockq.supervisor.unix_sockets import connect_to

_TIMEOUT_SECONDS: Final = 5.0
_MOST_BYTES: Final = 4 * 1024 * 1024


class NoFleetError(Exception):
    """No fleet runs there; one line for the user."""


class NoAnswerError(Exception):
    """A fleet may run there, but does not answer this user; one line for the user."""


def ask(
    directory: Path, request: dict[str, object], timeout_seconds: float = _TIMEOUT_SECONDS
) -> dict[str, object]:
    """Send one request and return the answer, ``{"ok": …}``.

    Raises:
        NoFleetError: nobody runs there.
        NoAnswerError: somebody may, but this user cannot ask, or it does not answer in time.
    """
    asked = {**request, "by": f"{_user()}, pid {os.getpid()}"}
    try:
        if read_lock(directory) is None:
            raise NoFleetError(f"no fleet runs in {directory}")
        answer = _exchange(
            directory / CONTROL_NAME, json.dumps(asked).encode() + b"\n", timeout_seconds
        )
    except PermissionError as error:
        raise NoAnswerError(
            f"{directory} is another user's; run this as the fleet's user"
        ) from error
    except TimeoutError as error:
        seconds = f"{timeout_seconds:.0f} s"
        raise NoAnswerError(f"the fleet in {directory} did not answer within {seconds}") from error
    except OSError as error:
        raise NoAnswerError(f"cannot ask the fleet in {directory}: {error.strerror}") from error
    if answer is None:
        raise NoAnswerError(f"the fleet in {directory} does not listen to this user, or is busy")
    return answer


def _exchange(path: Path, request: bytes, timeout_seconds: float) -> dict[str, object] | None:
    with connect_to(path, timeout_seconds) as client:
        client.sendall(request)
        received = bytearray()
        while not received.endswith(b"\n") and len(received) < _MOST_BYTES:
            try:
                piece = client.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            received += piece
    answer = json.loads(received)
    return answer if isinstance(answer, dict) else None


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
