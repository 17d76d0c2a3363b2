"""What became of one exchange with an endpoint. Values only; the decision is ``retry.py``'s."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

#: Statuses that say that the endpoint took it: any 2xx. The path of every job asks here: a
#: property costs a call.
SUCCESS: Final = frozenset(range(200, 300))


class Fault(StrEnum):
    """Why there is no usable answer. The value is what logs, metrics and dead letters show."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    TRUNCATED = "truncated"
    BAD_RESPONSE = "bad-response"
    PROXY = "proxy"
    #: A fault of ours: the request could not be made.
    INTERNAL = "internal"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The end of one exchange: a status, a fault, or neither (``parked``: never sent); never both.

    Attributes:
        status: HTTP status of the final answer, or 0.
        fault: Why there was no answer, or None.
        parked_seconds: Above 0: the lane would not take it; try again after this long, uncharged.
        disabled: It was parked because the operator has disabled the endpoint.
        detail: One line for a human (exception text, location of a redirect, start of the answer);
            control characters removed, at most 200 characters.
        retry_after_seconds: The answer's ``Retry-After``, or None.
        elapsed_seconds: From the start of the exchange to its end.
    """

    status: int = 0
    fault: Fault | None = None
    parked_seconds: float = 0.0
    disabled: bool = False
    detail: str = ""
    retry_after_seconds: float | None = None
    elapsed_seconds: float = 0.0

    @property
    def delivered(self) -> bool:
        """Whether the endpoint took it: any 2xx."""
        return self.status in SUCCESS

    @property
    def reason(self) -> str:
        """``status 503`` or ``timeout``: short, bounded, fit for a label."""
        if self.fault is not None:
            return self.fault.value
        return f"status {self.status}" if self.status else "parked"
