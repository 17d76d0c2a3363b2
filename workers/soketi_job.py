r"""soketi's job JSON.

``{"appKey":…,"appId":…,"payload":{"time_ms":…,"events":[…]},"originalPusherSignature":…}``.
The secret is the app record's; the signature is an HMAC over the payload's very bytes, checked once
the app is known. JavaScript writes half surrogate pairs as escapes, which no other decoder takes;
here they pass through.
"""

from __future__ import annotations

import re

import msgspec

from sockq.workers.webhook_job import EventList, Invalid, WebhookJob, header_value_fault, read_heads


class _Job(msgspec.Struct, gc=False):
    appKey: str | int  # noqa: N815 - soketi's spelling
    appId: str | int  # noqa: N815 - soketi's spelling
    payload: msgspec.Raw
    originalPusherSignature: str  # noqa: N815 - soketi's spelling


_decode_job = msgspec.json.Decoder(_Job).decode
_decode_payload = msgspec.json.Decoder(EventList).decode

#: Every escape of a JSON text; group 1: half of a surrogate pair on its own.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def read_soketi(payload: bytes) -> WebhookJob | Invalid:
    """Decode one job. The caller checks ``proof`` over ``whole`` with the app's secret.

    Raises:
        UnicodeDecodeError: Not UTF-8.
        msgspec.DecodeError: Not JSON, or (``ValidationError``) not a job.
        RecursionError: Nested too deep.
    """
    if not payload.isascii():
        payload.decode()  # the JSON decoder does not look into text that it skips
    try:
        job = _decode_job(payload)
        body = _decode_inner(job.payload)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        masked = _mask_halves(payload)
        if masked == payload:
            raise
        return _read_masked(payload, masked)
    return _job(job, bytes(job.payload), body, body.events)


def _job(
    job: _Job, whole: bytes, body: EventList, events: list[msgspec.Raw] | list[bytes]
) -> WebhookJob | Invalid:
    app_key = str(job.appKey)
    if fault := header_value_fault(app_key):
        return Invalid(fault)
    return WebhookJob(
        app_id=str(job.appId),
        app_key=app_key,
        app_secret=None,
        time_ms=body.time_ms,
        events=events,
        heads=read_heads(body.events),
        whole=whole,
        proof=job.originalPusherSignature,
    )


def _decode_inner(payload: msgspec.Raw) -> EventList:
    """Decode the payload, its fields named in errors as those of the job."""
    try:
        return _decode_payload(payload)
    except msgspec.ValidationError as error:
        text = str(error)
        where = "`$.payload." if "`$." in text else ""
        text = text.replace("`$.", where) if where else f"{text} - at `$.payload`"
        raise msgspec.ValidationError(text) from None


def _mask_halves(payload: bytes) -> bytes:
    """Put a harmless escape of the same length in the place of each half surrogate pair."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], payload)


def _read_masked(payload: bytes, masked: bytes) -> WebhookJob | Invalid:
    """Decode what is masked, and cut the same places from the job's own bytes.

    Should an equal text stand before the payload, the wrong place is cut, and the proof fails.
    """
    job = _decode_job(masked)
    body = _decode_inner(job.payload)
    inner = bytes(job.payload)
    try:
        start = masked.index(inner)
        whole = payload[start : start + len(inner)]
        events = []
        at = inner.index(b'"events"') + len(b'"events"')
        for raw in body.events:
            event = bytes(raw)
            at = inner.index(event, at)
            events.append(whole[at : at + len(event)])
            at += len(event)
    except ValueError:
        return Invalid("the events cannot be found in the bytes of the payload")
    return _job(job, whole, body, events)
