"""Jobs as soketi writes them: its six events, its order of keys, its signature over the payload."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final

import msgspec

from sockq.drivers.bullmq_format import QUEUES
from sockq.supervisor.job_events import Event
from sockq.workers.signing import Signer

#: soketi's events, each with a queue of its own.
SOKETI_EVENTS: Final = tuple(queue.removesuffix("_webhooks") for queue in QUEUES)
#: The longest whole number that JavaScript writes without an exponent has this many digits.
_PLAIN_BELOW: Final = 1e21


def check_soketi_event(name: str) -> None:
    """Refuse an event that soketi has no queue for.

    Raises:
        ValueError: One line, with those it has.
    """
    if name in SOKETI_EVENTS:
        return
    close = difflib.get_close_matches(name, SOKETI_EVENTS, n=1)
    guess = f'did you mean "{close[0]}"?' if close else f"it has {', '.join(SOKETI_EVENTS)}"
    raise ValueError(f'soketi has no event "{name}"; {guess}')


def make_soketi_job(app_id: str, key: str, secret: str, event: Event, time_ms: int) -> bytes:
    """The bytes of a job.

    Args:
        app_id: Of the app.
        key: Its key.
        secret: Its secret: signs the payload and is no part of the job.
        event: The one event it carries.
        time_ms: Unix time.
    """
    fields = {**event.fields}
    if fields["name"] == "cache_miss":
        fields.pop("data", None)
    payload = msgspec.json.encode({"time_ms": time_ms, "events": [_as_javascript(fields)]})
    return b'{"appKey":%b,"appId":%b,"payload":%b,"originalPusherSignature":"%b"}' % (
        msgspec.json.encode(key),
        msgspec.json.encode(app_id),
        payload,
        Signer(secret).sign(payload),
    )


def _as_javascript(value: object) -> object:
    """Whole numbers without a fraction: a soketi worker signs what JavaScript makes of the text."""
    match value:
        case float() if value.is_integer() and abs(value) < _PLAIN_BELOW:
            return int(value)
        case Mapping():
            return {key: _as_javascript(inner) for key, inner in value.items()}
        case list():
            return [_as_javascript(inner) for inner in value]
        case _:
            return value
