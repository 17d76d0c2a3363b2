"""Which channels a webhook wants: Sockudo's filter, condition by condition."""

from __future__ import annotations

from dataclasses import dataclass, field

import re2

from sockq.workers.rust_pattern import Verdict, examine, re2_options

#: Type prefixes of channel names, in the order in which Sockudo tries them; one is taken off.
_TYPE_PREFIXES = (
    "private-encrypted-cache-",
    "private-cache-",
    "presence-cache-",
    "cache-",
    "private-encrypted-",
    "presence-",
    "private-",
)
_REMEMBERED_CHANNELS = 4096


def namespace_of(channel: str) -> str | None:
    """The namespace of a channel: ``chat`` of ``presence-chat:1``; None when it has none."""
    for prefix in _TYPE_PREFIXES:
        if channel.startswith(prefix):
            channel = channel[len(prefix) :]
            break
    namespace, colon, _ = channel.partition(":")
    return namespace if colon and namespace else None


class ChannelPattern:
    r"""A channel pattern, searched for anywhere in a channel's name.

    The language is that of Rust's ``regex``, matched by RE2 in linear time. Channel names are
    ASCII, where both read ``\d``, ``\w`` and ``\b`` alike.

    Args:
        text: The pattern.

    Raises:
        PatternUnsureError: Rust may take it, but RE2 would not, or would read it otherwise.
    """

    __slots__ = ("_compiled", "_known", "text", "warning")

    def __init__(self, text: str) -> None:
        self.text = text
        self.warning: str | None = None
        self._known: dict[str, bool] = {}
        self._compiled = None
        verdict, why = examine(text)
        if verdict is Verdict.UNSURE:
            raise PatternUnsureError(why)
        if verdict is Verdict.INVALID:
            self.warning = why
        else:
            self._compiled = re2.compile(text, re2_options())

    def __repr__(self) -> str:
        return f"ChannelPattern({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChannelPattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def matches(self, channel: str) -> bool:
        """Whether the pattern is found in ``channel``; an invalid one never is, as in Sockudo."""
        known = self._known.get(channel)
        if known is not None:
            return known
        if self._compiled is None:
            return False
        if len(self._known) >= _REMEMBERED_CHANNELS:
            self._known.clear()
        found = self._compiled.search(channel.encode("utf-8", "replace")) is not None
        self._known[channel] = found
        return found


class PatternUnsureError(ValueError):
    """A pattern that cannot be honoured exactly. The text says why, and how to write it."""


@dataclass(frozen=True, slots=True)
class ChannelFilter:
    """Conditions on a channel's name; all that are there must hold.

    Attributes:
        prefix: It starts so.
        suffix: It ends so.
        pattern: It is found in it.
        namespace: Its namespace is this one.
        namespaces: Its namespace is one of these; of none of them when empty.
    """

    prefix: str | None = None
    suffix: str | None = None
    pattern: ChannelPattern | None = None
    namespace: str | None = None
    namespaces: frozenset[str] | None = None
    _namespaced: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        namespaced = self.namespace is not None or self.namespaces is not None
        object.__setattr__(self, "_namespaced", namespaced)

    def matches(self, channel: str) -> bool:
        """Whether events of this channel ("" when an event has none) are wanted."""
        if self.prefix is not None and not channel.startswith(self.prefix):
            return False
        if self.suffix is not None and not channel.endswith(self.suffix):
            return False
        if self._namespaced and not self._namespace_fits(namespace_of(channel)):
            return False
        return self.pattern is None or self.pattern.matches(channel)

    def _namespace_fits(self, namespace: str | None) -> bool:
        if self.namespace is not None and namespace != self.namespace:
            return False
        return self.namespaces is None or namespace in self.namespaces
