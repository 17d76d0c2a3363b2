"""A webhook job as it was read from a queue. Values only; the decoders are one file per dialect."""

from __future__ import annotations

from typing import Annotated

import msgspec

#: Unix time in milliseconds, in the range that the servers' own 64-bit type has.
TimeMs = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class EventHead(msgspec.Struct, gc=False):
    """What of an event decides where it goes.

    Attributes:
        name: The event's name; None when it has none, or one that is no text: such an event goes
            nowhere.
        channel: Its channel, or "".
    """

    name: str | None = None
    channel: str = ""


class EventList(msgspec.Struct, gc=False):
    """The payload of a job, its events still in their own bytes."""

    time_ms: TimeMs
    events: list[msgspec.Raw]


class WebhookJob(msgspec.Struct, frozen=True, gc=False):
    """A job that can be worked on.

    Attributes:
        app_id: For looking the app up.
        app_key: What ``X-Pusher-Key`` says; checked to be a legal header value.
        app_secret: What signs; None: it is left to the app's record.
        time_ms: When the webhook was made, unix milliseconds.
        events: The events' own bytes, cut from the job.
        heads: Name and channel of each, same order.
        job_id: The id that the server gave the job, if its dialect has one.
        whole: The payload's own bytes, where the dialect signs or sends exactly these.
        proof: The dialect's signature over ``whole``, which must hold before anything is sent.
    """

    app_id: str
    app_key: str
    app_secret: str | None
    time_ms: int
    events: list[msgspec.Raw] | list[bytes]
    heads: list[EventHead]
    job_id: str | None = None
    whole: bytes | None = None
    proof: str | None = None

    def __repr__(self) -> str:
        return (
            f"WebhookJob(app_id={self.app_id!r}, time_ms={self.time_ms}, events={len(self.events)})"
        )


class Invalid(msgspec.Struct, frozen=True, gc=False):
    """A job that nobody can work on.

    Attributes:
        reason: One line: what is wrong with it. Never text of the job, never a secret.
    """

    reason: str


_decode_head = msgspec.json.Decoder(EventHead).decode
_decode_any_head = msgspec.json.Decoder(dict[str, object]).decode


def read_heads(events: list[msgspec.Raw] | list[bytes]) -> list[EventHead]:
    """Name and channel of every event.

    Raises:
        msgspec.DecodeError: An event is not JSON.
        RecursionError: One is nested too deep.
    """
    try:
        if len(events) == 1:
            return [_decode_head(events[0])]
        return [_decode_head(event) for event in events]
    except msgspec.ValidationError:
        return [_odd_head(event) for event in events]


def _odd_head(event: msgspec.Raw | bytes) -> EventHead:
    """The servers take any JSON as an event; what has no name in text is only never selected."""
    try:
        fields = _decode_any_head(event)
    except msgspec.ValidationError:
        return EventHead()
    name, channel = fields.get("name"), fields.get("channel")
    return EventHead(
        name=name if isinstance(name, str) else None,
        channel=channel if isinstance(channel, str) else "",
    )


def header_value_fault(app_key: str) -> str | None:
    """Say why a key cannot stand in a header, or None when it can."""
    if app_key.isprintable():
        return None
    if any((char < " " and char != "\t") or char == "\x7f" for char in app_key):
        return "the app key has a control character and cannot be sent as a header"
    return None
