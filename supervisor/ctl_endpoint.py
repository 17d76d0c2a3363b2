"""``sockq ctl disable`` and ``enable``: which endpoint is meant, then one request about it."""

from __future__ import annotations

from pathlib import Path

from sockq.supervisor.ctl_command import DONE, NO_ANSWER, REFUSED, control
from sockq.supervisor.endpoint_choice import NoChoiceError, choose
from sockq.supervisor.output import note, say
from sockq.supervisor.settings_directory import place_of
from sockq.supervisor.status_document import read_status
from sockq.supervisor.status_words import Condition


def switch(directory: Path | None, command: str, endpoint: str, app: str | None) -> int:
    """Disable or enable an endpoint.

    Args:
        directory: The fleet's; None: by the environment.
        command: ``disable`` or ``enable``.
        endpoint: Its id, its URL, or a part of what the status shows of it.
        app: Only among those of this app.

    Returns:
        As ``control``; 1 also when the text fits no endpoint, or several.
    """
    place = place_of(directory)
    document = read_status(place)
    if document["state"] == Condition.UNKNOWN:
        note(str(document["problems"][0]["text"]))
        return NO_ANSWER
    rows = document.get("endpoints")
    if rows is None:
        return control(place, {"cmd": command})  # nothing runs, which it says
    try:
        chosen = choose(rows, endpoint, app, disabled=command == "enable")
    except NoChoiceError as error:
        note(str(error))
        return REFUSED
    request: dict[str, object] = {"id": chosen.id, "app": chosen.app, "label": chosen.label}
    code = control(place, {"cmd": command, **request})
    if code == DONE and command == "disable" and not chosen.met:
        say("no worker has met this endpoint yet; it holds from its first webhook on")
    return code
