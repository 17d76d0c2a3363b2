"""Types of soketi's settings: it reads a variable as JSON where it is some, else as text."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sockq.supervisor.settings_kinds import Kind, Unfit


@dataclass(frozen=True, slots=True)
class JsonText(Kind):
    """Text; a number counts as its digits, and a variable may put its text in quotes."""

    blank: bool = True

    @property
    def expects(self) -> str:
        """Text, and whether it may be empty."""
        return "text" if self.blank else "text that is not empty"

    def from_file(self, raw: object) -> object:
        """Take a string, a number, or null for none."""
        if raw is None:
            return None
        if isinstance(raw, int) and not isinstance(raw, bool):
            return str(raw)
        if not isinstance(raw, str) or not (self.blank or raw.strip()):
            raise Unfit
        return raw

    def from_text(self, text: str) -> object:
        """Take it as it is, or out of its quotes."""
        value = _value(text)
        return self.from_file(value if isinstance(value, str) else text)


@dataclass(frozen=True, slots=True)
class JsonList(Kind):
    """A list; a variable holds it as JSON."""

    @property
    def expects(self) -> str:
        """A list."""
        return "a list (in a variable: as JSON)"

    def from_file(self, raw: object) -> object:
        """Take a list, or null for none."""
        if raw is None:
            return ()
        if not isinstance(raw, list):
            raise Unfit
        return raw

    def from_text(self, text: str) -> object:
        """Take JSON."""
        return self.from_file(_value(text))


@dataclass(frozen=True, slots=True)
class JsonTable(Kind):
    """A table of options; a variable holds it as JSON."""

    @property
    def expects(self) -> str:
        """A table."""
        return "a table (in a variable: as JSON)"

    def from_file(self, raw: object) -> object:
        """Take an object, or null for none."""
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            raise Unfit
        return raw

    def from_text(self, text: str) -> object:
        """Take JSON."""
        return self.from_file(_value(text))


def _value(text: str) -> object:
    """The value of JSON text; the text itself where it is none, and for ``null``, as in soketi."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if value is None else value
