"""Hides the secret that a job carries before the job is shown. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

MASK: Final = "***"
#: Names of fields whose values are never shown, as the servers and their users write them.
_SECRET: Final = re.compile(r"(?i)app_?secret|secret|password|authorization")
#: The same in text that is no JSON, a value that is cut off included.
_IN_TEXT: Final = re.compile(
    r"(?i)([\"']?[\w-]*(?:secret|password|authorization)[\"']?\s*[:=]\s*)"
    r"(\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s,}]+)"
)


def masked(payload: bytes) -> object:
    """Return a job for showing: its JSON without secrets, or a text that hides them.

    What the app's users put into an event's ``data`` stays: only the job's own fields are hidden.
    """
    try:
        job = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = payload.decode(errors="backslashreplace")
        return _IN_TEXT.sub(rf"\g<1>{MASK}", text)
    return _without_secrets(job)


def _without_secrets(value: Any) -> object:
    if not isinstance(value, dict):
        return value
    return {
        name: MASK if inner is not None and _SECRET.fullmatch(name) else inner
        for name, inner in value.items()
    }
