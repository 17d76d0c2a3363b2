"""From the bytes of a job to what is to be delivered, for every server that writes jobs."""

from __future__ import annotations

import msgspec

from sockq.drivers.source import Dialect
from sockq.workers.bad_json import NOT_UTF8, TOO_DEEP, why_invalid, why_not_json
from sockq.workers.sockudo_job import read_sockudo
from sockq.workers.soketi_job import read_soketi
from sockq.workers.webhook_job import Invalid, WebhookJob


class _Shape(msgspec.Struct, gc=False):
    """The fields that only one of the dialects has."""

    app_key: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    appKey: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - soketi's spelling


_decode_shape = msgspec.json.Decoder(_Shape).decode
_READERS = {"sockudo": read_sockudo, "soketi": read_soketi}


def parse(payload: bytes, dialect: Dialect) -> WebhookJob | Invalid:
    """Read a job.

    Args:
        payload: Its bytes, as the server wrote them.
        dialect: Whose format it is; ``auto`` tells by its fields.

    Returns:
        The job, or why there is none. Never raises: a job may hold anything.
    """
    try:
        if dialect == "auto":
            dialect = _tell(payload)
        return _READERS[dialect](payload)
    except msgspec.ValidationError as error:
        return Invalid(why_invalid(error))
    except msgspec.DecodeError as error:
        return Invalid(why_not_json(payload, error))
    except UnicodeDecodeError:
        return Invalid(NOT_UTF8)
    except RecursionError:  # the decoders count their depth, so this comes before the stack ends
        return Invalid(TOO_DEEP)


def _tell(payload: bytes) -> Dialect:
    if payload.startswith(b'{"app_key"'):
        return "sockudo"
    if payload.startswith(b'{"appKey"'):
        return "soketi"
    try:
        shape = _decode_shape(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not JSON for this decoder; soketi's may still be read with its half surrogate pairs.
        return "soketi" if b'"appKey"' in payload else "sockudo"
    return (
        "soketi"
        if shape.app_key is msgspec.UNSET and shape.appKey is not msgspec.UNSET
        else "sockudo"
    )
