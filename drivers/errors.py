"""The errors that cross the seam between a queue and its user.

SockqError
├─ BackendUnavailable   network, time-out, failover, loading: try the same verb again
└─ BackendRefused       configuration, rights, wrong server: trying again cannot help

Client libraries' exceptions never leave ``drivers``.
"""

from __future__ import annotations


class SockqError(Exception):
    """Base of every error that sockq raises on purpose; its text is one line for a human."""


class BackendUnavailable(SockqError):  # noqa: N818 - the design's word; it is a state more than a fault
    """The backend cannot be reached now. The verb may be repeated: every verb is safe to repeat."""


class BackendRefused(SockqError):  # noqa: N818
    """The backend answered and said no (rights, wrong type of key, unusable setting)."""
