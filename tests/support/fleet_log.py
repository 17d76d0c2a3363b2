"""What stands in the log of a fleet."""

from __future__ import annotations

import json
from typing import Any


def events_in(log: str, name: str) -> list[dict[str, Any]]:
    """The events of this name, in their order.

    Other lines may be anything, stacks of Python say; the last one may still be in the writing.
    """
    whole, _, _ = log.rpartition("\n")
    told = f'"event":"{name}"'
    lines = (line for line in whole.split("\n") if line.startswith("{") and told in line)
    return [event for event in map(json.loads, lines) if event["event"] == name]
