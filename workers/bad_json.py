"""Saying why a job could not be decoded, in one line that shows nothing of the job."""

from __future__ import annotations

import json
import re

import msgspec

TOO_DEEP = "nested too deep"
NOT_UTF8 = "not UTF-8"

_MISSING = re.compile(r"Object missing required field `(\w+)`(?: - at `\$\.?([\w.]*)`)?")
_WRONG_TYPE = re.compile(r"Expected `([\w| ]+)`, got `(\w+)`(?: - at `\$\.?([\w.]*)`)?")
_AT = re.compile(r" - at `\$\.?([\w.]*)`")


class _NotFiniteError(ValueError):
    pass


def _not_finite(_: str) -> None:
    raise _NotFiniteError


def _unread(_: str) -> None:
    """Numbers need no value here: only whether the text is JSON is asked."""


def why_invalid(error: msgspec.ValidationError) -> str:
    """A reason for JSON that is not a job: which field, and what is wrong with it."""
    text = str(error)
    if found := _MISSING.match(text):
        field, parent = found.groups()
        return f"field {parent + '.' if parent else ''}{field} is missing"
    if found := _WRONG_TYPE.match(text):
        wanted, got, field = found.groups()
        subject = f"field {field}" if field else "the job"
        return f"{subject} is of type {got}, not {wanted}"
    found = _AT.search(text)
    return f"field {found.group(1)} is out of range" if found else "not a webhook job"


def why_not_json(payload: bytes, error: msgspec.DecodeError) -> str:
    """A reason for what is not JSON at all; not for the quick path."""
    if not payload.strip():
        return "empty job"
    try:
        json.loads(
            payload.decode(), parse_constant=_not_finite, parse_int=_unread, parse_float=_unread
        )
    except _NotFiniteError:
        return "not JSON: NaN or Infinity"
    except RecursionError:
        return TOO_DEEP
    except UnicodeDecodeError:
        return NOT_UTF8
    except ValueError:
        return f"not JSON: {str(error).removeprefix('JSON is malformed: ')}"
    # The standard library takes everything that msgspec takes, and half surrogate pairs besides.
    return "half a surrogate pair in an escape"
