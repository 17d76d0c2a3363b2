"""The settings of a Sockudo configuration that a worker obeys, with the server's own defaults."""

from __future__ import annotations

from typing import Final

from sockq.supervisor.redis_url import complaint_about
from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_kinds import Choice, Flag, Formed, Items, Kind, Text, Whole
from sockq.supervisor.settings_of_redis import REDIS_SETTINGS
from sockq.supervisor.settings_of_sqs import SQS_SETTINGS
from sockq.supervisor.settings_of_stores import STORE_SETTINGS
from sockq.supervisor.settings_support import (
    APP_STORES,
    DRIVER_ALIASES,
    DRIVERS,
    READY,
    READY_STORES,
)

_DAY_MS: Final = 86_400_000
_URL: Final = Formed(
    "redis://[USER:PASSWORD@]HOST:PORT/DB or rediss://…", complaint_about, optional=True
)
_QUEUE: Final = (
    Setting(
        "queue.driver",
        Choice(DRIVERS, DRIVER_ALIASES, READY),
        "Where the queue is.",
        ("QUEUE_DRIVER",),
        default_text="redis with a file or any Redis setting, else memory",
    ),
    Setting(
        "queue.redis.concurrency",
        Whole(),
        "Workers, unless sockq.workers says otherwise. 0: as many as cores, at least 2.",
        ("QUEUE_REDIS_CONCURRENCY",),
        default=5,
    ),
    Setting(
        "queue.redis.prefix",
        Text(),
        "Start of the queue's keys, verbatim: the list is PREFIX:queue:webhooks.",
        ("QUEUE_REDIS_PREFIX",),
        default="sockudo_queue:",
    ),
    Setting(
        "queue.redis.url_override",
        _URL,
        "A whole URL; counts instead of database.redis.",
        ("REDIS_URL",),
        default_text="composed from database.redis",
        secret=True,
    ),
    Setting(
        "queue.redis.cluster_mode",
        Flag(),
        "The server is a node of a cluster: find the others. Servers do not read it.",
        default=False,
    ),
    Setting(
        "queue.redis.response_timeout_ms",
        Whole(0, 3_600_000),
        "Longest wait for the answer to one command. 0: no limit.",
        ("QUEUE_REDIS_RESPONSE_TIMEOUT_MS",),
        default=5000,
    ),
    Setting(
        "queue.reliability.lease_duration_ms",
        Whole(1000, _DAY_MS),
        "How long a claim holds; sockq.lease_seconds counts first.",
        ("QUEUE_LEASE_DURATION_MS",),
        default=30_000,
    ),
    Setting(
        "queue.reliability.failed_retention",
        Whole(),
        "Dead letters kept; sockq.dead_limit counts first.",
        ("QUEUE_FAILED_RETENTION",),
        default=10_000,
    ),
    *(
        Setting(f"queue.reliability.{name}", kind, what, (f"QUEUE_{name.upper()}",), default)
        for name, kind, what, default in (
            (
                "max_attempts",
                Whole(1),
                "The server's own workers bury a job after this many attempts.",
                5,
            ),
            ("stalled_batch_size", Whole(1), "Most expired leases one sweep gives back.", 100),
            ("completed_retention", Whole(), "Completed jobs that a Sockudo 5 queue keeps.", 1000),
            ("event_retention", Whole(), "Length of a Sockudo 5 queue's event stream.", 10_000),
        )
    ),
    Setting(
        "queue.reliability.memory_capacity",
        Whole(1),
        "Jobs the memory queue holds; sockq.memory_capacity counts first.",
        ("QUEUE_MEMORY_CAPACITY",),
        default=100_000,
    ),
)


def _variable(name: str, kind: Kind, what: str, **more: object) -> Setting:
    return Setting(name, kind, what, (name,), in_file=False, **more)  # type: ignore[arg-type]


_APPS: Final = (
    Setting(
        "app_manager.driver",
        Choice(APP_STORES, (("postgres", "pgsql"), ("postgresql", "pgsql")), READY_STORES),
        "Where apps are that the file does not list.",
        ("APP_MANAGER_DRIVER",),
        default="memory",
    ),
    Setting(
        "app_manager.cache.ttl",
        Whole(0, 86_400),
        "Seconds the server believes an app; sockq.app_cache_seconds counts first.",
        default=300,
    ),
    Setting("app_manager.array.apps", Items(), "The apps and their webhooks.", default=()),
    _variable("SOCKUDO_DEFAULT_APP_ID", Text(), "With _KEY and _SECRET: one app, not the file's."),
    _variable("SOCKUDO_DEFAULT_APP_KEY", Text(), "Key of that app."),
    _variable("SOCKUDO_DEFAULT_APP_SECRET", Text(), "Secret of that app.", secret=True),
    _variable(
        "SOCKUDO_DEFAULT_APP_ENABLED",
        Flag(),
        "false: neither that app nor the file's.",
        default=True,
    ),
    _variable("SOCKUDO_SKIP_INLINE_APPS", Flag(), "true: ignore the file's apps.", default=False),
    _variable(
        "APP_MANAGER_REGISTER_INLINE_APPS", Flag(), "false: ignore the file's apps.", default=True
    ),
)

_WEBHOOKS: Final = (
    Setting(
        "webhooks.request_timeout_ms",
        Whole(1, 3_600_000),
        "Bound of one request, name look-up to last byte; a webhook's own counts first.",
        default=10_000,
    ),
    Setting(
        "webhooks.retry.enabled",
        Flag(),
        "false: one attempt, then dead letter. With nothing of webhooks.retry set, sockq's own"
        " schedule counts.",
        default=True,
    ),
    Setting(
        "webhooks.retry.max_attempts",
        Whole(1, optional=True),
        "Most attempts of one delivery.",
        default_text="no limit",
    ),
    Setting(
        "webhooks.retry.max_elapsed_time_ms",
        Whole(),
        "No further attempt after this long since the first.",
        default=300_000,
    ),
    Setting(
        "webhooks.retry.initial_backoff_ms",
        Whole(),
        "Wait before the second attempt.",
        default=1000,
    ),
    Setting(
        "webhooks.retry.max_backoff_ms", Whole(), "Longest wait between attempts.", default=60_000
    ),
)

SERVER_SETTINGS: Final[tuple[Setting, ...]] = (
    *_QUEUE,
    *SQS_SETTINGS,
    *REDIS_SETTINGS,
    *_APPS,
    *STORE_SETTINGS,
    *_WEBHOOKS,
)
