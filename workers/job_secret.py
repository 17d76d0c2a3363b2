"""Takes the secret out of a job that becomes a dead letter, and puts it back. Pure.

A job of Sockudo carries its app's secret. A dead letter is kept for days and looked at, so it keeps
the secret only where it is needed for a replay: not where the app's record says the same. A worker
of ours signs a job without a secret with the record's; it is put back for the servers' own workers,
who may share the queue and cannot read a job without one.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from sockq.workers.apps import App
from sockq.workers.webhook_job import WebhookJob

#: The field as a server may write it. What a job nests in its events may look the same.
_FIELD: Final = re.compile(rb'"app_secret"\s*:\s*("(?:[^"\\]|\\.)*"|null)')
_TAKEN_OUT: Final = b"null"
_MOST_PLACES: Final = 16


class _Fields(msgspec.Struct):
    app_secret: msgspec.Raw
    app_key: msgspec.Raw
    app_id: msgspec.Raw
    payload: msgspec.Raw
    original_signature: msgspec.Raw

    def others(self) -> tuple[bytes, ...]:
        return tuple(
            bytes(one) for one in (self.app_key, self.app_id, self.payload, self.original_signature)
        )


_decode = msgspec.json.Decoder(_Fields).decode


def without_secret(payload: bytes, job: WebhookJob, app: App) -> bytes | None:
    """Return the job's bytes with ``null`` for its secret, all others as they are.

    Args:
        payload: The job's bytes.
        job: As it was read from them.
        app: Its record; a replay signs with the record's secret.

    Returns:
        None: there is no secret in it, or it is not the record's, or it cannot be cut out cleanly;
        then the job is kept as it is, because a replay needs it.
    """
    if not job.app_secret or job.app_secret != app.secret:
        return None
    return _with_value(payload, _TAKEN_OUT)


def with_secret(payload: bytes, job: WebhookJob, app: App) -> bytes | None:
    """Return the job's bytes with the record's secret where it was taken out.

    Args:
        payload: The job's bytes.
        job: As it was read from them.
        app: Its record.

    Returns:
        None: it has a secret, or its dialect has none.
    """
    if job.app_secret is not None or job.proof is not None:
        return None
    return _with_value(payload, msgspec.json.encode(app.secret))


def _with_value(payload: bytes, value: bytes) -> bytes | None:
    """Write the job's own field anew, so that nothing else of the job changes; None: no way."""
    try:
        before = _decode(payload).others()
        for at, found in enumerate(_FIELD.finditer(payload)):
            if at == _MOST_PLACES:
                break
            written = payload[: found.start(1)] + value + payload[found.end(1) :]
            after = _decode(written)
            if bytes(after.app_secret) == value and after.others() == before:
                return written
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None
