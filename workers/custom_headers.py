"""A webhook's own headers: what may be set, and what belongs to the protocol."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sockq.workers.notes import Notes, type_name

#: They frame the request, or prove where it comes from: a second value would break either.
_RESERVED = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "content-type",
        "content-encoding",
    }
)
_RESERVED_PREFIXES = ("proxy-", "x-pusher-", "webhook-", "x-sockq-")


def is_reserved(name: str) -> bool:
    """Whether a header belongs to the protocol, in whatever case."""
    lower = name.lower()
    return lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES)


def read_headers(raw: object, notes: Notes, allowed: Collection[str] = ()) -> dict[str, str]:
    """Read ``headers``; reserved ones, but those in ``allowed``, are dropped with a warning.

    Sockudo 3.0 to 4.4 stored them as ``{"headers": {…}}`` and could not read that back; here both
    shapes are read.
    """
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        notes.fault(f"is {type_name(raw)}, not an object")
        return {}
    if list(raw) == ["headers"] and isinstance(raw["headers"], Mapping):
        raw = raw["headers"]
    headers = {}
    for name, value in raw.items():
        if not isinstance(value, str):
            notes.fault(f"{name} is {type_name(value)}, not a text")
        elif is_reserved(name) and name.lower() not in allowed:
            notes.warn(f"{name} is reserved and not sent; remove it")
        else:
            headers[name] = value
    return headers
