r"""Sockudo's job JSON, read as strictly as Sockudo reads it.

``{"app_key":…,"app_id":…,"app_secret":…,"payload":{"time_ms":…,"events":[…]},"original_signature":…}``,
from 5.0 on with a ``job_id``. All fields are required, unknown ones are ignored, a known field that
appears twice is an error, ``time_ms`` is an integer of 64 bits, an event may be any JSON.
``original_signature`` is a label, not a signature: it is never checked. ``app_secret`` may also be
``null``, which no server writes: a dead letter that was replayed (``job_secret``).
"""

from __future__ import annotations

import json
from collections import Counter

import msgspec

from sockq.workers.webhook_job import EventList, Invalid, WebhookJob, header_value_fault, read_heads


class _Job(msgspec.Struct, gc=False):
    app_key: str
    app_id: str
    app_secret: str | None
    payload: EventList
    original_signature: str
    job_id: str | None = None


_decode = msgspec.json.Decoder(_Job).decode

_JOB_FIELDS = frozenset(_Job.__struct_fields__)
_PAYLOAD_FIELDS = frozenset(EventList.__struct_fields__)

#: Bytes of a job around its values: no space, no field but the known ones.
_FRAME_BYTES = len(
    '{"app_key":"","app_id":"","app_secret":"","payload":{"time_ms":,"events":[]},"original_signature":""}'
)
#: What ``null`` has more than two quotes: a dead letter keeps it of a secret (``job_secret``).
_NULL_BYTES = 2
_JOB_ID_BYTES = len(',"job_id":""')


def read_sockudo(payload: bytes) -> WebhookJob | Invalid:
    """Decode one job.

    Raises:
        UnicodeDecodeError: Not UTF-8.
        msgspec.DecodeError: Not JSON, or (``ValidationError``) not a job.
        RecursionError: Nested too deep.
    """
    if not payload.isascii():
        payload.decode()  # the JSON decoder does not look into text that it skips
    job = _decode(payload)
    body = job.payload
    events = body.events
    if len(payload) != _least_bytes(job) and (field := _repeated_field(payload)):
        return Invalid(f"field {field} appears twice")
    if not job.app_key.isprintable() and (fault := header_value_fault(job.app_key)):
        return Invalid(fault)
    return WebhookJob(
        job.app_id,
        job.app_key,
        job.app_secret,
        body.time_ms,
        events,
        read_heads(events),
        job.job_id,
    )


def _least_bytes(job: _Job) -> int:
    """The fewest bytes a job with these values can have: one of that very length repeats no field.

    It is what Sockudo writes, so the costly look at every field is for foreign producers (and
    escapes or non-ASCII text in one of the strings).
    """
    events = job.payload.events
    count = len(events)
    return (
        _FRAME_BYTES
        + len(job.app_key)
        + len(job.app_id)
        + (_NULL_BYTES if job.app_secret is None else len(job.app_secret))
        + len(job.original_signature)
        + len(str(job.payload.time_ms))
        + (len(events[0]) if count == 1 else sum(map(len, events)) + max(count - 1, 0))
        + (0 if job.job_id is None else _JOB_ID_BYTES + len(job.job_id))
    )


def _text(number: str) -> str:
    return number


#: Keeps objects as lists of pairs, so that nothing is lost when a key is repeated.
_all_pairs = json.JSONDecoder(object_pairs_hook=list, parse_int=_text, parse_float=_text).decode


def _repeated_field(payload: bytes) -> str | None:
    """Name the first known field that is given twice; what is unknown may be."""
    pairs = _all_pairs(payload.decode())
    if repeated := _first_repeated(pairs, _JOB_FIELDS):
        return repeated
    inner = _first_repeated(dict(pairs)["payload"], _PAYLOAD_FIELDS)
    return f"payload.{inner}" if inner else None


def _first_repeated(pairs: list[tuple[str, object]], known: frozenset[str]) -> str | None:
    counts = Counter(key for key, _ in pairs if key in known)
    return next((key for key, count in counts.items() if count > 1), None)
