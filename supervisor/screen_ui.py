"""What the user of the live screen has chosen: view, cursor, filter, order. Values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sockq.supervisor.screen_text import UNICODE, Glyphs

VIEWS: Final = ("overview", "workers", "endpoints", "queues", "dead", "log")
#: The table that the cursor moves in, by view.
TABLES: Final = ("workers", "workers", "endpoints", "queues", "dead", "log")
INTERVALS: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
LEVELS: Final = ("info", "warning", "error")
_MESSAGE_SECONDS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Act:
    """Something that changes the fleet.

    Attributes:
        command: Of the control socket.
        arguments: The request's other fields.
        source: Label of the host that is meant.
        text: What it does, for the question and the answer.
    """

    command: str
    text: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the screen."""


Effect = Act | Leave | None


@dataclass(slots=True)
class Ui:
    """Choices.

    Attributes:
        glyphs: What the terminal can show.
        may_act: There is a control socket, and acting was not forbidden.
        owned: The fleet ends with the screen (``run --status``).
        log_path: Where an owned fleet writes its log.
        view: Index into ``VIEWS``.
        cursors: Id of the selected row by table.
        orders: Title of the sorted column by table; missing: the table's own order.
        reverse: Tables that are sorted the other way round.
        filter: What rows must contain; with ``!`` before it: must not.
        typing: The filter is being typed.
        wide: Wide columns first.
        faults_only: Only rows with something wrong.
        level: Index into ``LEVELS``: the least that the log shows.
        help: The keys are shown.
        detail: The selected row is shown whole.
        scroll: First line shown of help or detail.
        held_since: When the picture was stopped, monotonic seconds.
        interval: Index into ``INTERVALS``.
        asking: Waits for a ``y``.
        picked: JSON lines to print after leaving.
    """

    glyphs: Glyphs = UNICODE
    may_act: bool = False
    owned: bool = False
    log_path: str = ""
    view: int = 0
    cursors: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    reverse: set[str] = field(default_factory=set)
    filter: str = ""
    typing: bool = False
    wide: bool = False
    faults_only: bool = False
    level: int = 0
    help: bool = False
    detail: bool = False
    scroll: int = 0
    held_since: float | None = None
    interval: int = 0
    asking: Act | None = None
    picked: list[str] = field(default_factory=list)
    message: str = ""
    message_until: float = 0.0

    @property
    def table(self) -> str:
        """The table that the cursor moves in."""
        return TABLES[self.view]

    @property
    def interval_seconds(self) -> float:
        """How long one picture stands."""
        return INTERVALS[self.interval]

    def say(self, text: str, now: float) -> None:
        """Show a line at the bottom for some seconds."""
        self.message, self.message_until = text, now + _MESSAGE_SECONDS
