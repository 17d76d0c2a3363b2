"""Which endpoint an operator means by a name, a URL or a part of one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sockq.workers.endpoint import make_endpoint
from sockq.workers.endpoint_state import EndpointState
from sockq.workers.endpoint_stats import LABEL_CHARACTERS, OTHER, row_id

#: Candidates that are named in a refusal.
_NAMED: Final = 8

Row = Mapping[str, Any]


class NoChoiceError(Exception):
    """The text fits no endpoint, or several; one line for the user."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An endpoint.

    Attributes:
        id, app, label: As its row has them.
        met: The fleet has a row of it; else the URL was given in full, and its app.
    """

    id: str
    app: str
    label: str
    met: bool = True


def choose(rows: Sequence[Row], text: str, app: str | None, *, disabled: bool) -> Chosen:
    """Find the one endpoint that is meant.

    Args:
        rows: Endpoints of the status document.
        text: Its id, its URL, its address as the status shows it, or a part of them.
        app: Only endpoints of this app. With it a URL is one in full, never a part.
        disabled: One that is disabled is meant, if any fits.

    Raises:
        NoChoiceError: None fits, or several do.
    """
    pool = [one for one in rows if one["id"] != OTHER and app in (None, one["app"])]
    key = _url_key(text)
    for part in (_disabled(pool), pool) if disabled else (pool,):
        fits = _fitting(part, text, key, parts=key is None or app is None)
        if len(fits) == 1:
            (one,) = fits
            return Chosen(str(one["id"]), str(one["app"]), str(one["label"]))
        if fits:
            advice = "" if app is not None else ", or --app ID"
            raise NoChoiceError(
                f"{text!r} fits {len(fits)} endpoints; say more of one of them{advice}:"
                f" {_named(fits)}"
            )
    if key is not None and app is not None:
        id_ = row_id(app, key)
        label = make_endpoint(text, {}).label[:LABEL_CHARACTERS]
        return Chosen(id_, id_.rpartition("/")[0], label, met=False)
    of_app = f" of app {app}" if app is not None else ""
    there = f"there are {_named(pool)}" if pool else "the fleet has met none yet"
    advice = "; of one that is not listed give the whole URL, and --app ID"
    raise NoChoiceError(f"no endpoint{of_app} fits {text!r}; {there}{advice}")


def _disabled(rows: Sequence[Row]) -> list[Row]:
    return [one for one in rows if one["state"] == EndpointState.DISABLED]


def _fitting(rows: Sequence[Row], text: str, key: str | None, *, parts: bool) -> list[Row]:
    """Those that are exactly this; if there are none, those that have it as a part."""
    if key is not None:
        exact = [one for one in rows if one["id"] == row_id(str(one["app"]), key)]
        if exact:
            return exact
    exact = [one for one in rows if text == one["label"] or text in _shown(one)]
    if exact or not parts:
        return exact
    return [one for one in rows if any(text in shown for shown in _shown(one))]


def _shown(one: Row) -> tuple[str, ...]:
    """How it is called: its id, and as text and live screen show it."""
    app, label = one["app"], str(one["label"])
    where = label.removeprefix("https://").removeprefix("http://")
    return str(one["id"]), f"{app} {label}", f"{app} {where}", where


def _named(rows: Sequence[Row]) -> str:
    told = [f"{one['id']} ({one['label']})" for one in rows[:_NAMED]]
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return ", ".join(told) + more


def _url_key(text: str) -> str | None:
    """What names the endpoint of a URL; None: the text is none."""
    if not text.lower().startswith(("http://", "https://")):
        return None
    try:
        return make_endpoint(text, {}).url_key
    except ValueError:
        return None
