"""The keys of the live screen: one table that help, footer and the reaction share. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Key:
    """A key.

    Attributes:
        names: As the decoder calls them.
        does: The name of the reaction.
        shown: How help and footer call it.
        text: What it does, in a few words.
        acts: It changes the fleet, so it asks, and is hidden where nothing may be changed.
    """

    names: tuple[str, ...]
    does: str
    shown: str
    text: str
    acts: bool = False


KEYS: Final = (
    Key(("q", "ctrl-c"), "leave", "q", "leave; the fleet goes on"),
    Key(("?",), "help", "?", "these keys"),
    Key(("1", "2", "3", "4", "5", "6"), "view", "1-6",
        "overview, workers, endpoints, queues, dead letters, log"),
    Key(("tab", "right"), "next_view", "tab, right", "next view"),
    Key(("left", "backtab"), "previous_view", "left", "previous view"),
    Key(("j", "down"), "down", "j, down", "next row"),
    Key(("k", "up"), "up", "k, up", "previous row"),
    Key(("pgdn", " "), "page_down", "PgDn", "ten rows on"),
    Key(("pgup",), "page_up", "PgUp", "ten rows back"),
    Key(("g", "home"), "top", "g", "first row"),
    Key(("G", "end"), "bottom", "G", "last row"),
    Key(("enter",), "detail", "enter", "the selected row whole"),
    Key(("esc",), "back", "esc", "back; no filter"),
    Key(("/",), "filter", "/text", "only rows with this text; /!text: without it"),
    Key(("s",), "sort", "s", "order by the next column"),
    Key(("S",), "reverse", "S", "the other way round"),
    Key(("w",), "wide", "w", "more columns instead of lesser ones"),
    Key(("z",), "faults", "z", "only what is wrong"),
    Key(("l",), "level", "l", "least level of the log"),
    Key(("p",), "hold", "p", "hold the picture; counting goes on"),
    Key(("+", "="), "slower", "+", "longer between two pictures"),
    Key(("-",), "faster", "-", "shorter"),
    Key(("y",), "pick", "y", "print the selected row as JSON after leaving"),
    Key(("P",), "pause", "P", "pause or resume fetching", acts=True),
    Key(("D",), "drain", "D", "drain the selected worker; a new one takes its place",
        acts=True),
    Key(("K",), "restart", "K", "restart the selected worker", acts=True),
    Key(("R",), "retry", "R", "start now whatever waits for its start", acts=True),
    Key(("X",), "disable", "X", "disable the selected endpoint: nothing is sent there", acts=True),
    Key(("E",), "enable", "E", "enable it again", acts=True),
    Key(("U",), "more", "U", "one worker more", acts=True),
    Key(("F",), "fewer", "F", "one worker fewer", acts=True),
    Key(("L",), "reload", "L", "read the configuration again, replace all workers", acts=True),
)  # fmt: skip

BY_NAME: Final = {name: key for key in KEYS for name in key.names}
