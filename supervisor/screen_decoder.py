"""From the bytes of a terminal to names of keys. Pure; time comes in from outside."""

from __future__ import annotations

import codecs
from typing import Final

#: How long an ESC may be the beginning of a longer key.
ESCAPE_SECONDS: Final = 0.05
_ESC: Final = "\x1b"
_FINAL: Final = {
    "A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end", "Z": "backtab",
}  # fmt: skip
_TILDE: Final = {"1": "home", "4": "end", "5": "pgup", "6": "pgdn", "7": "home", "8": "end"}
_CONTROL: Final = {
    "\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x08": "backspace",
    "\x03": "ctrl-c", "\x0c": "redraw",
}  # fmt: skip
_LONGEST: Final = 32


class KeyDecoder:
    """Collects bytes until they make keys."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    @property
    def pending(self) -> bool:
        """Whether an unfinished escape sequence waits; after ``ESCAPE_SECONDS`` call ``flush``."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[str]:
        """Names of the keys that are complete now; what is unknown gives nothing."""
        self._held += self._text.decode(data)
        keys = []
        while self._held:
            size, name = _first(self._held)
            if not size:
                break
            self._held = self._held[size:]
            if name:
                keys.append(name)
        return keys

    def flush(self) -> list[str]:
        """Nothing more came: a lone ESC is the key of that name, a broken sequence is nothing."""
        held, self._held = self._held, ""
        return ["esc"] if held == _ESC else []


def _first(text: str) -> tuple[int, str]:  # noqa: PLR0911 - one line per kind of sequence
    """How many characters the first key has, and its name; 0: it is not complete yet."""
    if text[0] != _ESC:
        name = _CONTROL.get(text[0], text[0] if text[0].isprintable() else "")
        return 1, name
    if len(text) == 1:
        return 0, ""
    if text[1] == _ESC:
        return 1, "esc"
    if text[1] == "O":
        return (3, _FINAL.get(text[2], "")) if len(text) > 2 else (0, "")  # noqa: PLR2004 - ESC O x
    if text[1] != "[":
        return 2, ""  # Alt and a key
    for index in range(2, min(len(text), _LONGEST)):
        if "@" <= text[index] <= "~":
            return index + 1, _sequence(text[2:index], text[index])
    return (_LONGEST, "") if len(text) >= _LONGEST else (0, "")


def _sequence(parameters: str, final: str) -> str:
    if final == "~":
        return _TILDE.get(parameters.partition(";")[0], "")
    return _FINAL.get(final, "")
