"""What a worker process needs to know, as plain values. The configuration fills them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sockq.workers.app_store import AppStoreSettings
from sockq.workers.apps import App, WebhookDefaults


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Limits of the delivery engine, per worker.

    Attributes:
        endpoint_in_flight: Exchanges at once with one endpoint.
        connect_timeout_seconds: Bound of name look-up, TCP and TLS together; never beyond the
            exchange's own deadline.
        connect_threads: Size of the pool that opens connections.
        idle_seconds: An unused connection is closed after this long.
        response_limit_bytes: Most of an answer that is read.
    """

    endpoint_in_flight: int = 16
    connect_timeout_seconds: float = 5.0
    connect_threads: int = 32
    idle_seconds: float = 30.0
    response_limit_bytes: int = 16 * 1024


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Of the apps of a store.

    Attributes:
        age_seconds: How long one is believed.
        capacity: How many are remembered.
    """

    age_seconds: float = 60.0
    capacity: int = 10_000


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """One worker.

    Attributes:
        apps: The apps of the configuration file; they count before the store's.
        apps_by_key: Whether they are found by key, as soketi's are, and not by id.
        app_store: Where other apps are; None: nowhere.
        app_cache: How long, and how many, of the store's apps are remembered.
        webhook_defaults: For the store's apps; the file's have them already.
        in_flight: Jobs held at once.
        lease_seconds: As the queue's (see ``LeaseSettings``).
        drain_seconds: How long a stop may take before what is unsent or unanswered goes back.
        unknown_app_grace_seconds: How long a job of an unknown app waits for that app to appear.
        log_success: Share of the requests that succeed which get a line in the log, 0 to 1.
    """

    apps: tuple[App, ...] = ()
    apps_by_key: bool = False
    app_store: AppStoreSettings | None = None
    app_cache: CacheSettings = field(default_factory=CacheSettings)
    webhook_defaults: WebhookDefaults = field(default_factory=WebhookDefaults)
    in_flight: int = 256
    lease_seconds: float = 30.0
    drain_seconds: float = 25.0
    unknown_app_grace_seconds: float = 5.0
    log_success: float = 0.0
    engine: EngineSettings = field(default_factory=EngineSettings)
