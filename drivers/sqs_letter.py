"""One dead letter as SQS gives it out, and its place in the order of all."""

from __future__ import annotations

import msgspec

from sockq.drivers.source import DeadLetter
from sockq.drivers.sqs_message import Burial, Message

#: When it died, and its id.
Key = tuple[int, str]


class Letter(msgspec.Struct, frozen=True):
    """One dead letter as it was received."""

    message: Message
    burial: Burial

    @property
    def key(self) -> Key:
        """Oldest first; those of one millisecond in a fixed order."""
        return self.burial.died_ms, self.message.id

    def shown(self) -> DeadLetter:
        """As the seam shows it."""
        message, burial = self.message, self.burial
        return DeadLetter(
            id=message.id,
            payload=message.body or b"",
            reason=burial.reason,
            died_at_ms=burial.died_ms,
            attempt=message.attempts,
            state=message.state,
            crashes=message.crashes,
        )


def key_of(cursor: str | None) -> Key | None:
    """The letter that a page ended with; None: there was no page before."""
    if cursor is None:
        return None
    died_ms, _, id_ = cursor.partition(":")
    return (int(died_ms) if died_ms.isdecimal() else 0), id_
