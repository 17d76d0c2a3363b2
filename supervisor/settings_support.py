"""What a server's configuration may ask for and sockq does not do: known here only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: Queue drivers that work.
READY: Final = ("memory", "redis", "redis-cluster", "sqs", "none")
#: Queue drivers of Sockudo that stay outside.
OUTSIDE: Final = ("nats", "pulsar", "rabbitmq", "google-pubsub", "kafka", "iggy", "sns")

DRIVERS: Final = (*READY, *OUTSIDE)
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


def refusals(driver: str, app_store: str) -> Iterator[tuple[str, str, str]]:
    """What the chosen settings ask for in vain: path, what is wrong, what to do."""
    if driver in OUTSIDE:
        yield ("queue.driver", f"sockq does not read {driver} queues", f"use one of {_SUPPORTED}")
    if app_store not in READY_STORES:
        yield (
            "app_manager.driver",
            f"sockq does not read {app_store} app stores",
            f"use one of {', '.join(READY_STORES)}",
        )
