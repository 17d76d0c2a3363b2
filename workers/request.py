"""One HTTP request on its way to an endpoint, as the delivery engine sees it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from sockq.workers.endpoint import Endpoint
from sockq.workers.outcome import Fault, Outcome


class Request(ABC):
    """What the engine carries. The worker's delivery is one; a benchmark's bare request is another.

    Attributes:
        endpoint: Where it goes.
        lane: Name of its lane: requests of one lane share a limit and a breaker (``APP_ID URL``).
        timeout_seconds: Bound of the whole exchange, name look-up to last byte.
    """

    __slots__ = ("endpoint", "lane", "timeout_seconds")

    endpoint: Endpoint
    lane: str
    timeout_seconds: float

    @property
    def endpoint_id(self) -> str:
        """What an operator disables it by (``EndpointRow.id``); empty: nobody can."""
        return ""

    @property
    def overtaken(self) -> bool:
        """Whether it must not be sent any more; asked just before. Then ``unsent`` is called."""
        return False

    def connecting(self) -> None:  # noqa: B027 - most do not mind
        """A connection is being opened for it: from here on it may do harm."""

    def unsent(self) -> None:  # noqa: B027 - most have nothing to give back
        """It was not sent, and will not be."""

    @abstractmethod
    def wire_bytes(self) -> bytes:
        """Head and body. Asked for when the request is really sent, once per sending."""

    @abstractmethod
    def done(self, outcome: Outcome) -> None:
        """Called exactly once, from the loop, when the exchange has ended or was parked."""


def bytes_now(request: Request, loop: asyncio.AbstractEventLoop) -> bytes | None:
    """What is sent now. None: nothing is, and the request is told so in the loop's next turn."""
    if request.overtaken:
        loop.call_soon(request.unsent)
        return None
    try:
        return request.wire_bytes()
    except Exception as error:
        loop.call_soon(request.done, Outcome(fault=Fault.INTERNAL, detail=type(error).__name__))
        return None
