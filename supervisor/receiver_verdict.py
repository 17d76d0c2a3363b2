"""Whether a webhook is genuine, by everything that any official SDK checks. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Final

import msgspec

#: A webhook is fresh while its ``time_ms`` is at most so far from now, in either direction.
FRESH_MS: Final = 300_000


class Event(msgspec.Struct, frozen=True):
    """What the receiver shows of an event."""

    name: str
    channel: str = ""


class Body(msgspec.Struct, frozen=True):
    """A webhook's body."""

    time_ms: int
    events: list[Event]


class Verdict(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        ok: Every check passed.
        why: ``signature ok``, ``not checked``, or what failed.
        names: Names of the events.
        channel: Channel of the first event.
        time_ms: When the webhook was made, by its own word; 0 when it cannot be read.
    """

    ok: bool
    why: str
    names: tuple[str, ...] = ()
    channel: str = ""
    time_ms: int = 0


#: An escape that may be half a surrogate pair.
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_DECODER: Final = msgspec.json.Decoder(Body)


def judge(
    headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str], now_ms: int | None
) -> Verdict:
    """Check one webhook.

    Args:
        headers: By lower-case name; a name that came twice has its values joined by ``, ``.
        body: Raw bytes.
        secrets: Secret of each key that is accepted; empty: signatures are not checked.
        now_ms: Unix time; None: however old it is.

    Returns:
        The verdict; its text shows no secret and no body.
    """
    parsed = _parse(body)
    if parsed is None:
        return Verdict(ok=False, why="body is not a webhook: time_ms and events are expected")
    why = _failure(headers, body, secrets, 0 if now_ms is None else now_ms - parsed.time_ms)
    names = tuple(event.name for event in parsed.events)
    channel = parsed.events[0].channel if parsed.events else ""
    good = "signature ok" if secrets else "signature not checked"
    return Verdict(not why, why or good, names, channel, parsed.time_ms)


def _parse(body: bytes) -> Body | None:
    """The body; also one with half a surrogate pair, as JavaScript writes and soketi sends it."""
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        if not _HALF.search(body):
            return None
    try:
        return msgspec.convert(json.loads(body.decode()), Body)
    except (msgspec.ValidationError, ValueError, RecursionError):
        return None


def _failure(
    headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str], age_ms: int
) -> str:
    if headers.get("content-type") != "application/json":
        return "Content-Type is not exactly application/json"
    if secrets:
        key, signature = headers.get("x-pusher-key"), headers.get("x-pusher-signature")
        if key is None or signature is None:
            return "X-Pusher-Key or X-Pusher-Signature is missing"
        secret = secrets.get(key)
        if secret is None:
            return "X-Pusher-Key is unknown here"
        expected = hmac.digest(secret.encode(), body, hashlib.sha256).hex()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return "signature does not match"
    if abs(age_ms) > FRESH_MS:
        direction = "old" if age_ms > 0 else "ahead"
        return f"time_ms is {abs(age_ms) // 1000} s {direction}, more than {FRESH_MS // 1000} s"
    return ""
