"""What each driver needs to know, as plain values. Filled by ``sockq.supervisor``'s configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """Policy of a queue that driver and worker must agree on.

    Attributes:
        lease_seconds: How long a claim holds when nobody extends it.
        dead_limit: Dead letters kept; the oldest beyond it are trimmed and counted. 0: no limit.
    """

    lease_seconds: float = 30.0
    dead_limit: int = 10_000


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS towards a backend. Paths are of PEM files; None uses the system's store, no client certificate."""

    verify: bool = True
    ca_path: Path | None = None
    client_cert_path: Path | None = None
    client_key_path: Path | None = None


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """The broker process of a fleet, behind a Unix socket.

    Attributes:
        socket_path: Where the broker listens.
        capacity: Jobs it holds; the oldest is evicted (and counted) when full.
    """

    socket_path: Path
    capacity: int = 100_000
    lease: LeaseSettings = field(default_factory=LeaseSettings)


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """A single Redis or Valkey server.

    Attributes:
        url: ``redis://[user[:password]@]host:port/db`` or ``rediss://…``; secret, never printed.
        prefix: As the server's ``queue.redis.prefix``, verbatim: ``sockudo_queue:`` by default.
        queue: Name of the queue: ``webhooks``.
        response_timeout_seconds: Longest wait for the answer to one command that does not block.
        connect_timeout_seconds: Longest wait for a connection.
        tls: For ``rediss://``.
    """

    url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    prefix: str = "sockudo_queue:"
    queue: str = "webhooks"
    response_timeout_seconds: float = 5.0
    connect_timeout_seconds: float = 3.0
    tls: TlsSettings = field(default_factory=TlsSettings)
    lease: LeaseSettings = field(default_factory=LeaseSettings)


@dataclass(frozen=True, slots=True)
class NoneSettings:
    """No queue at all."""


DriverSettings = MemorySettings | RedisSettings | NoneSettings
