"""What is counted of exchanges: classes of outcomes, and the buckets of the histograms. Pure."""

from __future__ import annotations

from typing import Final

from sockq.workers import board
from sockq.workers.outcome import Fault, Outcome

#: What came back, in the order of the board's words from ``CLASSES_AT`` on. A status that has a
#: class of its own is not counted in that of its hundred.
CLASSES: Final = (
    "2xx", "3xx", "4xx", "408", "410", "425", "429", "5xx", "503",
    *(fault.value for fault in Fault),
)  # fmt: skip

#: Where each class stands among them.
CLASS_INDEX: Final = {name: index for index, name in enumerate(CLASSES)}
_OWN_CLASS: Final = frozenset({408, 410, 425, 429, 503})

#: Upper bounds of the buckets of an exchange's duration, seconds; one more bucket has no bound.
SENDING_BOUNDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip

#: The same of a job's age: at its first attempt, and when it was delivered.
AGE_BOUNDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 120.0, 240.0, 300.0, 600.0, 3600.0,
)  # fmt: skip

assert len(CLASSES) <= board.SENDING_AT - board.CLASSES_AT
assert len(SENDING_BOUNDS) < board.QUEUE_WAIT_AT - board.SENDING_AT
assert len(AGE_BOUNDS) < board.END_TO_END_AT - board.QUEUE_WAIT_AT


def class_of(outcome: Outcome) -> str:
    """The class that an ended exchange counts in: ``2xx``, ``429``, ``timeout`` and so on."""
    if outcome.fault is not None:
        return outcome.fault.value
    status = outcome.status
    if status in _OWN_CLASS:
        return str(status)
    return f"{min(max(status // 100, 2), 5)}xx"
