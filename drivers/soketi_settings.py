"""What the driver for soketi's queues needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field

from sockq.drivers.settings import LeaseSettings, TlsSettings


@dataclass(frozen=True, slots=True)
class BullmqSettings:
    """soketi's six BullMQ queues on one Redis or Valkey server.

    Attributes:
        url: ``redis://[user[:password]@]host:port/db`` or ``rediss://…``; secret, never printed.
        prefix: soketi's ``database.redis.keyPrefix``, verbatim; its default is empty.
        response_timeout_seconds: Longest wait for the answer to one command that does not block.
        connect_timeout_seconds: Longest wait for a connection.
        tls: For ``rediss://``.
    """

    url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    prefix: str = ""
    response_timeout_seconds: float = 5.0
    connect_timeout_seconds: float = 3.0
    tls: TlsSettings = field(default_factory=TlsSettings)
    lease: LeaseSettings = field(default_factory=LeaseSettings)
