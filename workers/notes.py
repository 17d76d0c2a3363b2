"""Collecting what is wrong with a record while it is read, each line with the place it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NAMES: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a text"),
    ((list, tuple), "an array"),
    (Mapping, "an object"),
)


def type_name(value: object) -> str:
    """The JSON name of a value's type, for a message that must not show the value."""
    if value is None:
        return "null"
    return next(
        (name for kinds, name in _NAMES if isinstance(value, kinds)), f"a {type(value).__name__}"
    )


class Notes:
    """Faults and warnings about one place; ``at`` goes deeper and shares the lists."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.faults: list[str] = []
        self.warnings: list[str] = []

    def at(self, path: str) -> Notes:
        """The same lists, for what stands at ``path`` below here."""
        inner = Notes(f"{self.where}.{path}")
        inner.faults, inner.warnings = self.faults, self.warnings
        return inner

    def fault(self, text: str) -> None:
        """The record cannot be used."""
        self.faults.append(f"{self.where}: {text}")

    def warn(self, text: str) -> None:
        """It can, though not as its author may think."""
        self.warnings.append(f"{self.where}: {text}")

    def text(self, raw: Mapping[str, object], name: str, *, required: bool = True) -> str | None:
        """A field of text; None when there is none (a fault if required) or of another type."""
        value = raw.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            self.fault(f"{name} is {type_name(value)}, not a text")
        elif required:
            self.fault(f"{name} is missing")
        return None

    def count(self, raw: Mapping[str, object], name: str, default: int | None) -> int | None:
        """A field that is a whole number from 0; ``default`` when missing or null."""
        value = raw.get(name)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
            return value
        self.fault(f"{name} is {type_name(value)}; give a whole number from 0")
        return default

    def array(self, raw: Mapping[str, object], name: str) -> list[object]:
        """A field that is an array; empty when missing or null."""
        value = raw.get(name)
        if value is None:
            return []
        if isinstance(value, list | tuple):
            return list(value)
        self.fault(f"{name} is {type_name(value)}, not an array")
        return []

    def texts(self, raw: Mapping[str, object], name: str) -> list[str]:
        """A field that is an array of texts."""
        values = self.array(raw, name)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self.fault(f"{name}[{index}] is {type_name(value)}, not a text")
        return [value for value in values if isinstance(value, str)]
