"""What a server's configuration may ask for and this version does not do: known here only.

To lift a limit, move the word from ``LATER`` (or drop the check) and build what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: Queue drivers that work.
READY: Final = ("memory", "redis", "redis-cluster", "sqs", "none")
#: Queue drivers of the servers that a later version will have.
LATER: Final = ("redis-cluster",)
#: Queue drivers of Sockudo that stay outside.
OUTSIDE: Final = ("nats", "pulsar", "rabbitmq", "google-pubsub", "kafka", "iggy", "sns")

DRIVERS: Final = (*READY, *LATER, *OUTSIDE)
DRIVER_ALIASES: Final = (
    ("rediscluster", "redis-cluster"),
    ("rabbit-mq", "rabbitmq"),
    ("pubsub", "google-pubsub"),
    ("gcp-pubsub", "google-pubsub"),
)

#: App stores that are read, and all of Sockudo's.
READY_STORES: Final = ("memory", "mysql", "pgsql", "dynamodb")
APP_STORES: Final = (*READY_STORES, "surrealdb", "scylladb")

_SUPPORTED: Final = ", ".join(READY)


def refusals(driver: str, app_store: str, *, sentinels: bool) -> Iterator[tuple[str, str, str]]:
    """What the chosen settings ask for in vain: path, what is wrong, what to do."""
    if driver in LATER:
        yield ("queue.driver", f"{driver} is not in this version", f"use one of {_SUPPORTED}")
    if driver in OUTSIDE:
        yield ("queue.driver", f"sockq does not read {driver} queues", f"use one of {_SUPPORTED}")
    if driver == "redis" and sentinels:
        yield (
            "database.redis.sentinels",
            "Sentinel is not in this version",
            "give the master's URL in queue.redis.url_override or REDIS_URL",
        )
    if app_store not in READY_STORES:
        yield (
            "app_manager.driver",
            f"sockq does not read {app_store} app stores",
            f"use one of {', '.join(READY_STORES)}",
        )
