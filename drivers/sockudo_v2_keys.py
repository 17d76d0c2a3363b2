"""The key names of a Sockudo 5 queue on Redis."""

from __future__ import annotations

from typing import Final

#: What follows the base, in the order in which every ``v2_*.lua`` script takes its keys.
SUFFIXES: Final = (
    "jobs",
    "wait",
    "inline-wait",
    "inline-wait-count",
    "delayed",
    "active",
    "tokens",
    "attempts",
    "max-attempts",
    "dlq",
    "failures",
    "completed",
    "dedup",
    "dedup-expiry",
    "notify",
    "events",
)
_LONGEST_NAME_BYTES: Final = 512
_PLAIN: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:",
)


def base_key(prefix: str, queue: str) -> str:
    """Return what all keys of the queue start with: ``sockudo_queue:v2:{webhooks}``.

    Args:
        prefix: As the server's ``queue.redis.prefix``; white space around it and colons at its end
            do not count.
        queue: Name of the queue, 1 to 512 bytes.

    Raises:
        ValueError: a Sockudo 5 server refuses to start with this prefix or queue name.
    """
    stem = prefix.strip().rstrip(":")
    if not stem or "{" in stem or "}" in stem:
        raise ValueError(f"the queue prefix {prefix!r} must not be empty or contain braces")
    raw = queue.encode()
    if not 1 <= len(raw) <= _LONGEST_NAME_BYTES:
        raise ValueError(f"a queue name must have 1 to {_LONGEST_NAME_BYTES} bytes")
    name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
    return f"{stem}:v2:{{{name}}}"


def queue_keys(base: str) -> tuple[str, ...]:
    """Return all 16 keys of the queue with that base, in the order of ``SUFFIXES``."""
    return tuple(f"{base}:{suffix}" for suffix in SUFFIXES)
