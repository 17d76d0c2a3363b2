"""Asks a fleet's control socket for something, and says in one line what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sockq.supervisor.control_client import NoAnswerError, NoFleetError, ask
from sockq.supervisor.screen_ui import Act

#: The screen stands still meanwhile; the parent answers within milliseconds, or something is wrong.
_TIMEOUT_SECONDS: Final = 2.0


def carry_out(directory: Path, act: Act) -> str:
    """Send one request; returns what to tell the user."""
    request: dict[str, object] = {"cmd": act.command, **act.arguments}
    try:
        answer = ask(directory, request, _TIMEOUT_SECONDS)
    except (NoFleetError, NoAnswerError) as error:
        return str(error)
    if answer.get("ok"):
        return str(answer.get("did") or f"{act.text}: done")
    return f"refused: {answer.get('error', 'no reason given')}"
