"""What ``sockq doctor`` finds, put in order and shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """How bad: also the exit code."""

    OK = 0
    WARNING = 1
    PROBLEM = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. No secret in any text.

    Attributes:
        level: How bad it is.
        about: ``redis``, ``servers``, ``sqs``, ``endpoint``, ``host`` or ``config``.
        what: What was found.
        means: What comes of it.
        change: The line to change, or the command that mends it.
    """

    level: Level
    about: str
    what: str
    means: str = ""
    change: str = ""


def fine(about: str, what: str) -> Finding:
    """Nothing to do."""
    return Finding(Level.OK, about, what)


def warning(about: str, what: str, means: str, change: str) -> Finding:
    """It may hurt."""
    return Finding(Level.WARNING, about, what, means, change)


def problem(about: str, what: str, means: str, change: str) -> Finding:
    """It will hurt, or does."""
    return Finding(Level.PROBLEM, about, what, means, change)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """In order of level; within one, as they came."""
    return sorted(findings, key=lambda one: -one.level)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level of all."""
    return max((one.level for one in findings), default=Level.OK)


def render(findings: Sequence[Finding]) -> str:
    """A line for each finding, the change on a line of its own below it, and a sum."""
    width = max((len(one.about) for one in findings), default=0)
    lines = []
    for one in worst_first(findings):
        text = f"{one.what}: {one.means}" if one.means else one.what
        lines.append(f"{one.level.name.lower():<8} {one.about:<{width}}  {_line(text)}")
        if one.change:
            lines.append(f"{'':<8} {'':<{width}}  change: {_line(one.change)}")
    counts = [sum(one.level is level for one in findings) for level in Level]
    ok, warnings, problems = counts
    lines.append(
        f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}, {ok} found in order"
    )
    return "\n".join(lines) + "\n"


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """``doctor --json``."""
    return {
        "schema": 1,
        "worst": worst(findings).name.lower(),
        "findings": [
            {
                "level": one.level.name.lower(),
                "about": one.about,
                "what": one.what,
                "means": one.means,
                "change": one.change,
            }
            for one in worst_first(findings)
        ],
    }


def _line(text: str) -> str:
    return " ".join(text.split())


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
