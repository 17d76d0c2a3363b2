r"""Telling what Rust's ``regex`` would make of a pattern that is to run under RE2.

Both refuse look-around and back-references and share most of their syntax. Where they differ, a
pattern must not silently mean something else: this scanner finds such places. Rules are those of
``regex-syntax`` 0.8 with Unicode on, as a server calls it: ``Regex::new(pattern)``.
"""

from __future__ import annotations

import re
import sys
from enum import Enum

import re2

_MAX_DEPTH = 100  # Rust stops at 250 nested constructs, counted otherwise than by parentheses
_MAX_REPEAT = 1000  # RE2's own limit
_POSIX_CLASSES = (
    "alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit"
)

_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_RUST_REPEAT = re.compile(r"\{\s*\d*\s*(?:,\s*\d*\s*)?\}")
_POSIX = re.compile(rf"\[:\^?(?:{_POSIX_CLASSES}):\]")
_GROUP = re.compile(r"\(\?(?:P?<([^>]*)>|([A-Za-z-]*)([:)]))")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEX = re.compile(r"\\x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]+\})")
_PROPERTY = re.compile(r"\\[pP](?:\{([^}]*)\}|(.))", re.DOTALL)
_RE2_UNSURE = ("repetition", "too large", "nest")  # limits that Rust does not have


class Verdict(Enum):
    """What is known of a pattern."""

    SAME = "both read it alike"
    INVALID = "Rust refuses it too"
    UNSURE = "it cannot be honoured exactly"


class _FoundError(Exception):
    """Ends the scan at the first thing that decides."""

    def __init__(self, verdict: Verdict, why: str) -> None:
        super().__init__(why)
        self.verdict = verdict
        self.why = why


def _invalid(why: str) -> _FoundError:
    return _FoundError(Verdict.INVALID, why)


def _unsure(what: str, instead: str) -> _FoundError:
    return _FoundError(Verdict.UNSURE, f"{what} cannot be honoured exactly; {instead}")


def re2_options() -> re2.Options:
    """With which RE2 compiles what may be wrong: it writes nothing to stderr of its own accord."""
    options = re2.Options()
    options.log_errors = False
    return options


def examine(pattern: str) -> tuple[Verdict, str]:
    """Judge a pattern.

    Returns:
        The verdict and, unless both engines read it alike, one line that says why (for ``UNSURE``
        also how to write it instead).
    """
    try:
        _Scanner(pattern).scan()
    except _FoundError as found:
        return found.verdict, found.why
    try:
        re2.compile(pattern, re2_options())
    except re2.error as error:
        text = error.args[0]
        why = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        if any(sign in why for sign in _RE2_UNSURE):
            return Verdict.UNSURE, f"{why}: it cannot be honoured exactly; write it more simply"
        return Verdict.INVALID, why
    except UnicodeEncodeError:
        return Verdict.INVALID, "half a surrogate pair"
    return Verdict.SAME, ""


class _Scanner:
    """Walks a pattern once, outside and inside of character classes."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._depth = 0
        self._names: set[str] = set()
        self._repeatable = False  # something stands here that a quantifier can be put to
        self._repeated = False  # … and already has one

    def scan(self) -> None:
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "\\":
                self._escape(in_class=False)
                self._item()
            elif char == "[":
                self._class()
                self._item()
            elif char == "(":
                self._open()
            elif char == ")":
                self._close()
            elif char in "*+?{":
                self._quantifier(char)
            else:
                self._at += 1
                self._item()
                self._repeatable = char != "|"
        if self._depth:
            raise _invalid("a group is not closed")

    def _item(self) -> None:
        self._repeatable, self._repeated = True, False

    def _open(self) -> None:
        if self._depth >= _MAX_DEPTH:
            raise _unsure(f"more than {_MAX_DEPTH} nested groups", "write it more simply")
        self._repeatable = self._repeated = False
        if not self._text.startswith("(?", self._at):
            self._at += 1
            self._depth += 1
            return
        found = _GROUP.match(self._text, self._at)
        if not found:
            raise _invalid("look-around and other special groups do not exist")
        name, flags, end = found.groups()
        if name is None:
            self._flags(flags, end)
        elif not _PLAIN_NAME.fullmatch(name):
            if not name or name[0] in "=!0123456789":
                raise _invalid(
                    "look-behind does not exist, and a group's name starts with a letter"
                )
            raise _unsure("the name of a group", "name groups with ASCII letters, digits and _")
        elif name in self._names:
            raise _invalid("two groups have one name")
        else:
            self._names.add(name)
        self._at = found.end()
        self._depth += end != ")"

    def _flags(self, flags: str, end: str) -> None:
        for flag in "xuR":
            if flag in flags:
                raise _unsure(f"the flag {flag} of a group", "write the pattern without it")
        on, minus, off = flags.partition("-")
        seen = on + off
        if (
            any(flag not in "imsU" for flag in seen)
            or len(set(seen)) != len(seen)
            or (minus and not off)
            or (end == ")" and not seen)
        ):
            raise _invalid("unknown, repeated or missing flags of a group")

    def _close(self) -> None:
        if not self._depth:
            raise _invalid("a group is closed that was not opened")
        self._depth -= 1
        self._at += 1
        self._item()

    def _quantifier(self, char: str) -> None:
        if not self._repeatable:
            raise _invalid("nothing to repeat")
        if self._repeated:
            raise _unsure("a repetition of a repetition", "put the inner one in (?:…)")
        self._at += self._counted() if char == "{" else 1
        if self._text.startswith("?", self._at):
            self._at += 1
        self._repeated = True

    def _counted(self) -> int:
        found = _REPEAT.match(self._text, self._at)
        if not found:
            if _RUST_REPEAT.match(self._text, self._at):
                raise _unsure("a repetition with spaces or without its first number", "write {n,m}")
            raise _invalid("{ is no repetition; a literal one is written \\{")
        low, _, high = found.groups()
        if high and int(high) < int(low):
            raise _invalid("a repetition whose end is before its start")
        if max(int(low), int(high or 0)) > _MAX_REPEAT:
            raise _unsure(f"a repetition of more than {_MAX_REPEAT} times", "nest smaller ones")
        return len(found[0])

    def _class(self) -> None:
        """A bracketed class. Rust's may nest and have set operations; RE2's may not."""
        self._at += 1
        if self._text.startswith("^", self._at):
            self._at += 1
        first, after_class = True, False
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "]" and not first:
                self._at += 1
                return
            if first and self._text.startswith("]-", self._at):
                raise _unsure("a range from ] in a class", "escape the ]")
            first = False
            if self._text.startswith(("&&", "--", "~~"), self._at):
                raise _unsure(
                    f"the set operation {char * 2} in a class",
                    f"write the characters out, or escape a literal {char}",
                )
            if char == "-" and after_class and not self._text.startswith("-]", self._at):
                raise _invalid("a range starts with a class")
            after_class = False
            if char == "[":
                found = _POSIX.match(self._text, self._at)
                if not found:
                    raise _unsure(
                        "a class within a class", "write its characters out, or escape a literal ["
                    )
                self._at = found.end()
                after_class = True
            elif char == "\\":
                after_class = self._escape(in_class=True)
            else:
                self._at += 1
        raise _invalid("a character class is not closed")

    def _escape(self, *, in_class: bool) -> bool:
        """Step over an escape; True: it stands for a class of characters."""
        char = self._text[self._at + 1 : self._at + 2]
        if char in ("p", "P"):
            return self._property()
        if char in ("u", "U"):
            raise _unsure(f"\\{char}", "write \\x{…}")
        if char in ("<", ">") or self._text.startswith((r"\b{", r"\B{"), self._at):
            raise _unsure("a special word boundary", "write \\b, or \\b(?:) before a {")
        if char == "_":
            raise _unsure("\\_", "write _")
        if char == "x":
            found = _HEX.match(self._text, self._at)
            if not found:
                raise _invalid("\\x without its digits")
            code = int(found[0][2:].strip("{}"), 16)
            if code > sys.maxunicode or 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 - surrogates
                raise _invalid("\\x of no character")
            self._at = found.end()
            return False
        known = "dDsSwW" + "afnrtv" + ("" if in_class else "bBAz")
        if not char or not char.isascii() or (char.isalnum() and char not in known):
            raise _invalid("an escape that does not exist")
        self._at += 2
        return char in "dDsSwW"

    def _property(self) -> bool:
        found = _PROPERTY.match(self._text, self._at)
        if not found:
            raise _invalid("\\p without a property")
        try:
            re2.compile(found[0], re2_options())
        except (re2.error, UnicodeEncodeError):
            raise _unsure(
                "this \\p{…}", "use a short category such as \\p{L}, or a script"
            ) from None
        if "^" in found[0]:
            raise _unsure("\\p{^…}", "write \\P{…}")
        self._at = found.end()
        return True
