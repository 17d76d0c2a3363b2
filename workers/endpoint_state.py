"""The words for how an endpoint is: of a lane, on the board, in the status document."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class EndpointState(StrEnum):
    """Whether requests are sent to an endpoint.

    The breaker knows the first three. Closed: all may pass. Open: none. Half open: one at a time,
    to see whether it is over. Paused: the endpoint asked for time (429). Disabled: by the operator.
    """

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    PAUSED = "paused"
    DISABLED = "disabled"


#: Nothing is sent, and it is known for how long.
SHUT: Final = frozenset({EndpointState.OPEN, EndpointState.PAUSED})
