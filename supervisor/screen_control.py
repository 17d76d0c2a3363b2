"""Asks a fleet's control socket for something, and says in one line what came of it."""

from __future__ import annotations

import getpass
import json
import os
import socket
from pathlib import Path
from typing import Final

from sockq.supervisor.pidlock import CONTROL_NAME
from sockq.supervisor.screen_ui import Act

_TIMEOUT_SECONDS: Final = 2.0
_MOST_BYTES: Final = 64 * 1024


def ask(directory: Path, act: Act) -> str:
    """Send one request; returns what to tell the user. Never raises."""
    request = {"cmd": act.command, **act.arguments, "by": f"{_user()} (pid {os.getpid()})"}
    try:
        answer = _exchange(directory / CONTROL_NAME, json.dumps(request).encode() + b"\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "no answer"
        return f"{act.text}: the fleet did not take it: {why.lower()}"
    if answer.get("ok"):
        return str(answer.get("did") or f"{act.text}: done")
    return f"{act.text}: refused: {answer.get('error', 'no reason given')}"


def _exchange(path: Path, request: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_TIMEOUT_SECONDS)
        client.connect(str(path))
        client.sendall(request)
        received = b""
        while b"\n" not in received and len(received) < _MOST_BYTES:
            piece = client.recv(4096)
            if not piece:
                break
            received += piece
    answer = json.loads(received)
    if not isinstance(answer, dict):
        raise ValueError("an answer is an object")  # noqa: TRY004 - as if it were no JSON
    return answer


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):
        return str(os.getuid())
