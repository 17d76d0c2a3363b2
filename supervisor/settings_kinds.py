"""Types of settings: what a file's value and a variable's text must look like.

A kind turns one raw value into the value used, or raises ``Unfit``. It never guesses and never
falls back: what does not fit becomes a fault with the place where it stands.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WORDS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


class Unfit(ValueError):  # noqa: N818 - a verdict about a value
    """The value does not fit its kind. Its text may add why; it never holds the value."""


class Kind(ABC):
    """What values a setting takes. ``expects`` completes the sentence "expected …"."""

    @property
    @abstractmethod
    def expects(self) -> str:
        """A noun phrase: ``a whole number, 0 or more``."""

    @abstractmethod
    def from_file(self, raw: object) -> object:
        """The value of a parsed TOML or JSON value. Raises ``Unfit``."""

    @abstractmethod
    def from_text(self, text: str) -> object:
        """The value of a variable or flag. Raises ``Unfit``."""


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """A whole number within limits; ``optional`` lets a file say null."""

    low: int = 0
    high: int | None = None
    optional: bool = False

    @property
    def expects(self) -> str:
        """The limits, in words."""
        return f"a whole number{_limits(self.low, self.high)}"

    def from_file(self, raw: object) -> object:
        """Take an integer; a boolean is none."""
        if raw is None and self.optional:
            return None
        if not isinstance(raw, int) or isinstance(raw, bool):
            raise Unfit
        return self._within(raw)

    def from_text(self, text: str) -> object:
        """Take decimal digits."""
        if not _WHOLE.fullmatch(text):
            raise Unfit
        return self._within(int(text))

    def _within(self, number: int) -> int:
        if number < self.low or (self.high is not None and number > self.high):
            raise Unfit
        return number


@dataclass(frozen=True, slots=True)
class Seconds(Kind):
    """A duration in seconds, fractions allowed."""

    low: float = 0.0
    high: float = 86_400.0

    @property
    def expects(self) -> str:
        """The limits, in words."""
        return f"a number of seconds{_limits(self.low, self.high)}"

    def from_file(self, raw: object) -> object:
        """Take an integer or a float; TOML's nan and inf are none."""
        if not isinstance(raw, int | float) or isinstance(raw, bool):
            raise Unfit
        return self._within(float(raw))

    def from_text(self, text: str) -> object:
        """Take a decimal number."""
        if not _DECIMAL.fullmatch(text):
            raise Unfit
        return self._within(float(text))

    def _within(self, number: float) -> float:
        if not math.isfinite(number) or not self.low <= number <= self.high:
            raise Unfit
        return number


@dataclass(frozen=True, slots=True)
class Share(Seconds):
    """A part of a whole."""

    high: float = 1.0

    @property
    def expects(self) -> str:
        """The limits, in words."""
        return "a number from 0 to 1"


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """True or false; a variable may also say 1/0, yes/no, on/off, in any case."""

    @property
    def expects(self) -> str:
        """Both values."""
        return "true or false"

    def from_file(self, raw: object) -> object:
        """Take a boolean only."""
        if not isinstance(raw, bool):
            raise Unfit
        return raw

    def from_text(self, text: str) -> object:
        """Take one of the words."""
        if text.lower() not in _WORDS:
            raise Unfit
        return _WORDS[text.lower()]


@dataclass(frozen=True, slots=True)
class _String(Kind):
    """A string in a file as in a variable; ``optional`` lets a file say null."""

    optional: bool = field(default=False, kw_only=True)

    def from_file(self, raw: object) -> object:
        """Take a string."""
        if raw is None and self.optional:
            return None
        if not isinstance(raw, str):
            raise Unfit
        return self.from_text(raw)


@dataclass(frozen=True, slots=True)
class Text(_String):
    """Text; ``blank`` lets it be empty."""

    blank: bool = False

    @property
    def expects(self) -> str:
        """Text, and whether it may be empty."""
        return "text" if self.blank else "text that is not empty"

    def from_text(self, text: str) -> object:
        """Take it as it is."""
        if not self.blank and not text.strip():
            raise Unfit
        return text


@dataclass(frozen=True, slots=True)
class Formed(_String):
    """Text of a certain form.

    Attributes:
        form: The form, in words.
        complaint: What is wrong with a text, without showing it; None: nothing.
    """

    form: str
    complaint: Callable[[str], str | None]

    @property
    def expects(self) -> str:
        """The form."""
        return self.form

    def from_text(self, text: str) -> object:
        """Take a text of the form."""
        if complaint := self.complaint(text):
            raise Unfit(complaint)
        return text


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a set of words. Variables may be in any case and use ``_`` for ``-``.

    Attributes:
        words: All that are understood.
        aliases: Other spellings, and the word each stands for.
        told: The words that messages offer; none given: all.
    """

    words: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    told: tuple[str, ...] = ()

    @property
    def expects(self) -> str:
        """The words."""
        *others, last = self.told or self.words
        return f"{', '.join(others)} or {last}" if others else last

    def from_file(self, raw: object) -> object:
        """Take one of the words, or an alias."""
        if not isinstance(raw, str):
            raise Unfit
        word = dict(self.aliases).get(raw, raw)
        if word not in self.words:
            raise Unfit
        return word

    def from_text(self, text: str) -> object:
        """Take one of the words in any case."""
        return self.from_file(text.strip().lower().replace("_", "-"))


@dataclass(frozen=True, slots=True)
class Items(Kind):
    """A list, read further by whoever uses it. Not settable by a variable."""

    @property
    def expects(self) -> str:
        """A list."""
        return "a list"

    def from_file(self, raw: object) -> object:
        """Take a list."""
        if not isinstance(raw, list):
            raise Unfit
        return raw

    def from_text(self, text: str) -> object:
        """Refuse: there is no text form."""
        raise Unfit(f"{len(text)} characters cannot make one")


def _limits(low: float, high: float | None) -> str:
    if high is None:
        return f", {low:g} or more"
    return f" from {low:g} to {high:.15g}"
