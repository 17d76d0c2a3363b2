"""Requests to the control socket that keys stand for. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sockq.supervisor.screen_picture import Item, Picture
from sockq.supervisor.screen_text import clean, clip
from sockq.supervisor.screen_ui import Act
from sockq.supervisor.status_words import Condition
from sockq.workers.endpoint_state import EndpointState

_NO_WORKER: Final = "select a worker with j and k first"
_NO_ENDPOINT: Final = "select an endpoint with j and k first, in view 3"
#: Of an endpoint's address in a question, so that its end is seen.
_WHERE_CELLS: Final = 36


def act_of(does: str, picture: Picture, chosen: Item | None) -> Act | str:
    """The request for a key.

    Args:
        does: The key's reaction.
        picture: What is shown.
        chosen: The selected row.

    Returns:
        The request, or one line that says what is missing.
    """
    return _ACTS[does](picture, chosen)


def _fleet(picture: Picture) -> str:
    return picture.readings[0].label if picture.readings else ""


def _pause(picture: Picture, _chosen: Item | None) -> Act:
    if picture.state == Condition.PAUSED:
        return Act("resume", "resume fetching", source=_fleet(picture))
    return Act("pause", "pause fetching of the whole fleet", source=_fleet(picture))


def _scale(step: int) -> Callable[[Picture, Item | None], Act]:
    def scale(picture: Picture, _chosen: Item | None) -> Act:
        wanted = max(1, (picture.wanted or 0) + step)
        return Act("scale", f"have {wanted} workers", {"workers": wanted}, _fleet(picture))

    return scale


def _worker(command: str, text: str) -> Callable[[Picture, Item | None], Act | str]:
    def act(_picture: Picture, chosen: Item | None) -> Act | str:
        if chosen is None or "beat_seconds" not in chosen:
            return _NO_WORKER
        name = str(chosen["name"])
        return Act(command, f"{text} {name}", {"worker": name}, str(chosen.get("source", "")))

    return act


def _endpoint(command: str) -> Callable[[Picture, Item | None], Act | str]:
    def act(_picture: Picture, chosen: Item | None) -> Act | str:
        if chosen is None or "shut_seconds" not in chosen:
            return _NO_ENDPOINT
        name = {field: str(chosen.get(field) or "") for field in ("id", "app", "label")}
        if "/" not in name["id"]:
            return "this row is many endpoints; sockq ctl takes the URL of one of them"
        disabled = chosen.get("state") == EndpointState.DISABLED
        if disabled is (command == "disable"):
            return "it is disabled already; E enables it" if disabled else "it is not disabled"
        where = clip(clean(name["label"].rpartition("://")[2]), _WHERE_CELLS)
        source = str(chosen.get("source", ""))
        return Act(command, f"{command} {where}", name, source)

    return act


def _retry(picture: Picture, _chosen: Item | None) -> Act:
    return Act("retry", "start now whatever waits for its start", source=_fleet(picture))


_ACTS: Final[dict[str, Callable[[Picture, Item | None], Act | str]]] = {
    "pause": _pause,
    "drain": _worker("drain", "drain"),
    "restart": _worker("restart", "restart"),
    "retry": _retry,
    "disable": _endpoint("disable"),
    "enable": _endpoint("enable"),
    "more": _scale(1),
    "fewer": _scale(-1),
    "reload": lambda picture, _: Act(
        "reload", "read the configuration again and replace all workers", source=_fleet(picture)
    ),
    "stop": lambda picture, _: Act("stop", "drain and stop the fleet", source=_fleet(picture)),
}
