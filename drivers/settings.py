"""What each driver needs to know, as plain values; filled by ``sockq.supervisor``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """Policy of a queue that driver and worker must agree on.

    Attributes:
        lease_seconds: How long a claim holds when nobody extends it.
        dead_limit: Dead letters that are kept; the fleet trims the oldest beyond it. 0: no limit.
        dead_seconds: How long one is kept. 0: no limit.
    """

    lease_seconds: float = 30.0
    dead_limit: int = 10_000
    dead_seconds: float = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS towards a backend. Paths are of PEM files; None: system store, no client certificate."""

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
class ReliabilitySettings:
    """Of a Sockudo 5 server's ``queue.reliability``, what workers on the same queue must agree on.

    ``lease_duration_ms`` and ``failed_retention`` of that section are ``LeaseSettings``.

    Attributes:
        max_attempts: Of a job that stores no number of its own. The server's workers bury by it;
            sockq does not: its own retry policy decides.
        stalled_batch_size: Most expired leases, and most due jobs, that one sweep handles.
        completed_retention: Completed jobs whose payloads (secrets included) stay stored. 0: none.
        event_retention: About how many lifecycle events the stream keeps. 0: none are written.
    """

    max_attempts: int = 5
    stalled_batch_size: int = 100
    completed_retention: int = 1_000
    event_retention: int = 10_000


@dataclass(frozen=True, slots=True)
class SentinelSettings:
    """Sentinels that name the master of a Redis.

    Attributes:
        nodes: Host and port of each.
        master: The name under which they watch it.
        username: Of the Sentinels' ACL, not of Redis'.
        password: Of the Sentinels.
        tls: How to speak TLS to them; None: plainly.
    """

    nodes: tuple[tuple[str, int], ...]
    master: str = "mymaster"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsSettings | None = None


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """A single Redis or Valkey server, or one that Sentinels watch.

    Attributes:
        url: ``redis://[user[:password]@]host:port/db`` or ``rediss://…``; secret, never printed.
        prefix: As the server's ``queue.redis.prefix``, verbatim: ``sockudo_queue:`` by default.
        queue: Name of the queue: ``webhooks``.
        response_timeout_seconds: Longest wait for the answer to one command that does not block.
        connect_timeout_seconds: Longest wait for a connection.
        tls: For ``rediss://``.
        reliability: For the structures of Sockudo 5.
        cluster_mode: The URL is that of a node of a cluster.
        sentinel: Who names the server; then host and port of the URL do not count.
    """

    url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    prefix: str = "sockudo_queue:"
    queue: str = "webhooks"
    response_timeout_seconds: float = 5.0
    connect_timeout_seconds: float = 3.0
    tls: TlsSettings = field(default_factory=TlsSettings)
    lease: LeaseSettings = field(default_factory=LeaseSettings)
    reliability: ReliabilitySettings = field(default_factory=ReliabilitySettings)
    cluster_mode: bool = False
    sentinel: SentinelSettings | None = None


@dataclass(frozen=True, slots=True)
class RedisClusterSettings:
    """A Redis or Valkey cluster.

    Attributes:
        nodes: Where to ask for the others: URLs as of ``RedisSettings``, without a database, or
            ``host:port``; secret, never printed. User, password and scheme are the same in all.
        prefix: As the server's ``queue.redis_cluster.prefix``, verbatim.
        queue: Name of the queue.
        response_timeout_seconds: Longest wait for the answer to one command that does not block.
        connect_timeout_seconds: Longest wait for a connection.
        tls: For ``rediss://``.
        reliability: For the structures of Sockudo 5.
    """

    nodes: tuple[str, ...] = field(default=("redis://127.0.0.1:6379",), repr=False)
    prefix: str = "sockudo_queue:"
    queue: str = "webhooks"
    response_timeout_seconds: float = 5.0
    connect_timeout_seconds: float = 3.0
    tls: TlsSettings = field(default_factory=TlsSettings)
    lease: LeaseSettings = field(default_factory=LeaseSettings)
    reliability: ReliabilitySettings = field(default_factory=ReliabilitySettings)


@dataclass(frozen=True, slots=True)
class BullmqSettings:
    """soketi's six BullMQ queues on one Redis or Valkey server, or in a cluster.

    Attributes:
        url: ``redis://[user[:password]@]host:port/db`` or ``rediss://…``; secret, never printed.
        prefix: soketi's ``database.redis.keyPrefix``, verbatim; its default is empty.
        response_timeout_seconds: Longest wait for the answer to one command that does not block.
        connect_timeout_seconds: Longest wait for a connection.
        tls: For ``rediss://``.
        nodes: URLs of nodes of a cluster, which count instead of ``url``; secret, never printed.
            The prefix needs a hash tag then.
        sentinel: Who names the server; then host and port of ``url`` do not count.
    """

    url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    prefix: str = ""
    response_timeout_seconds: float = 5.0
    connect_timeout_seconds: float = 3.0
    tls: TlsSettings = field(default_factory=TlsSettings)
    lease: LeaseSettings = field(default_factory=LeaseSettings)
    nodes: tuple[str, ...] = field(default=(), repr=False)
    sentinel: SentinelSettings | None = None


@dataclass(frozen=True, slots=True)
class SqsSettings:
    """One Amazon SQS queue, or one of a service that speaks its protocol.

    Credentials come from where boto3 finds them: variables, shared files, the instance's role.

    Attributes:
        region: As the server's ``queue.sqs.region``.
        endpoint_url: Where the service is, when it is not AWS; None: the region's own.
        queue: The queue's name: ``webhooks`` for Sockudo. A FIFO queue's ends in ``.fifo``, which
            is added when it is missing.
        queue_url: The whole URL, as soketi's ``queue.sqs.queueUrl``; goes before name and prefix.
        queue_url_prefix: Sockudo's: the URL is this and the name, nothing between, never checked.
            None: the URL is asked for by name, and the queue is created if there is none.
        fifo: Whether the queue is FIFO; one whose URL ends in ``.fifo`` always is.
        message_group_id: Of jobs that sockq enqueues on a FIFO queue. None: each job is a group of
            its own, so nothing keeps them in order and nothing holds them up.
        visibility_timeout_seconds: Of a queue that is created. A claim holds for the lease's
            length, whatever the queue says.
        max_messages: Most messages one receive asks for, 1 to 10.
        wait_time_seconds: How long a receive waits at the service for a first message, 0 to 20.
        connect_timeout_seconds: Longest wait for a connection.
        response_timeout_seconds: Longest wait for an answer, beyond what a receive waits.
        journal: Directory that the processes of a fleet share: who holds which message. It makes
            ``reclaim`` and the counts of interruptions work between processes, and keeps the state
            of retries on a FIFO queue over a crash. None: each process knows of itself only.
        dialect: How bodies are read; ``auto`` tells the servers' apart by their shape.
    """

    region: str = "us-east-1"
    endpoint_url: str | None = field(default=None, repr=False)
    queue: str = "webhooks"
    queue_url: str | None = None
    queue_url_prefix: str | None = None
    fifo: bool = False
    message_group_id: str | None = "default"
    visibility_timeout_seconds: int = 30
    max_messages: int = 10
    wait_time_seconds: int = 5
    connect_timeout_seconds: float = 3.0
    response_timeout_seconds: float = 5.0
    journal: Path | None = None
    dialect: Literal["sockudo", "soketi", "auto"] = "auto"
    lease: LeaseSettings = field(default_factory=LeaseSettings)


@dataclass(frozen=True, slots=True)
class NoneSettings:
    """No queue at all."""


DriverSettings = (
    MemorySettings
    | RedisSettings
    | RedisClusterSettings
    | BullmqSettings
    | SqsSettings
    | NoneSettings
)
