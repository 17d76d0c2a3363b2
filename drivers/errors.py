"""The errors that cross the seam between a queue and its user.

SockqError
├─ BackendUnavailable   network, time-out, failover, loading: try the same verb again
└─ BackendRefused       configuration, rights, wrong server: trying again cannot help
   └─ SettlementRefused of several settlements only some were refused

Client libraries' exceptions never leave ``drivers``.
"""

from __future__ import annotations

from collections.abc import Sequence


class SockqError(Exception):
    """Base of every error that sockq raises on purpose; its text is one line for a human."""


class BackendUnavailable(SockqError):  # noqa: N818 - the design's word; it is a state more than a fault
    """The backend cannot be reached now. The verb may be repeated: every verb is safe to repeat."""


class BackendRefused(SockqError):  # noqa: N818
    """The backend answered and said no (rights, wrong type of key, unusable setting)."""


class SettlementRefused(BackendRefused):
    """Some settlements of a batch were refused; the others have their results.

    Attributes:
        results: As ``Source.settle`` returns them; None: still to be settled.
    """

    def __init__(self, text: str, results: Sequence[bool | None]) -> None:
        super().__init__(text)
        self.results = list(results)
