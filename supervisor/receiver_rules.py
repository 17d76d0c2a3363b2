"""How the receiver answers: statuses, delays and the ways an endpoint misbehaves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_STATUSES: Final = range(200, 600)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a path answers.

    Attributes:
        status: The status of a good request.
        sequence: Statuses of the first requests, in order; the last one stays. Counts before
            ``status``.
        delay_seconds: Wait before the answer.
        cut: Send half a head, then close.
        drip_seconds: Send the answer a byte at a time, with this long between two.
        retry_after: Value of a ``Retry-After`` header; seconds or a date.
        headers: Further headers of the answer.
        body: Body of the answer.
        silent: Never answer.
    """

    status: int = 200
    sequence: tuple[int, ...] = ()
    delay_seconds: float = 0.0
    cut: bool = False
    drip_seconds: float = 0.0
    retry_after: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    silent: bool = False

    def status_of(self, nth: int) -> int:
        """Status of the ``nth`` request, counted from 0."""
        if not self.sequence:
            return self.status
        return self.sequence[min(nth, len(self.sequence) - 1)]

    @property
    def plain(self) -> bool:
        """Whether the answer goes out at once and whole."""
        return not (self.delay_seconds or self.cut or self.drip_seconds or self.silent)


@dataclass(frozen=True, slots=True)
class Rules:
    """A rule for each path, and one for all others. Queries are not part of the path."""

    default: Rule = field(default_factory=Rule)
    by_path: Mapping[str, Rule] = field(default_factory=dict)

    def of(self, path: str) -> Rule:
        """The rule of a path."""
        return self.by_path.get(path, self.default)


def parse_rule(text: str, base: Rule) -> tuple[str, Rule]:
    """Read ``PATH=KEY:VALUE,…``: a path and what differs there from ``base``.

    Keys: ``status``, ``delay``, ``drip``, ``retry-after``, ``sequence`` (``500+200``), ``cut``,
    ``silent``.

    Raises:
        ValueError: One line saying what is wrong.
    """
    path, equals, settings = text.partition("=")
    if not equals or not path.startswith("/"):
        raise ValueError(f"{text!r}: write a rule as /PATH=status:500,delay:2")
    values: dict[str, object] = {}
    for part in settings.split(","):
        key, _, value = part.strip().partition(":")
        match key:
            case "status":
                values["status"] = parse_status(value)
                values["sequence"] = ()
            case "sequence":
                values["sequence"] = tuple(parse_status(status) for status in value.split("+"))
            case "delay" | "drip":
                values[f"{key}_seconds"] = float(value)
            case "retry-after":
                values["retry_after"] = value
            case "cut" | "silent":
                values[key] = True
            case _:
                raise ValueError(
                    f"{text!r}: there is no {key!r};"
                    " use status, sequence, delay, drip, retry-after, cut, silent"
                )
    merged = {name: getattr(base, name) for name in Rule.__dataclass_fields__} | values
    return path, Rule(**merged)


def parse_status(text: str) -> int:
    """A final status, 200 to 599. Raises ``ValueError`` with one line."""
    if not text.isdigit() or int(text) not in _STATUSES:
        raise ValueError(f"{text!r} is not a status from 200 to 599")
    return int(text)


def parse_secret(text: str) -> tuple[str, str]:
    """Read ``KEY=SECRET``. Raises ``ValueError`` with one line that shows neither."""
    key, _, secret = text.partition("=")
    if not key or not secret:
        raise ValueError("--secret is not KEY=SECRET")
    return key, secret
