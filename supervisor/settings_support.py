"""What a server's configuration may ask for and this version does not do: known here only.

To lift a limit, move the word from ``LATER`` (or drop the check) and build what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

#: Queue drivers that work.
READY: Final = ("memory", "redis", "none")
#: Queue drivers of the servers that a later version will have.
LATER: Final = ("redis-cluster", "sqs")
#: Queue drivers of Sockudo that stay outside.
OUTSIDE: Final = ("nats", "pulsar", "rabbitmq", "google-pubsub", "kafka", "iggy", "sns")

DRIVERS: Final = (*READY, *LATER, *OUTSIDE)
DRIVER_ALIASES: Final = (
    ("rediscluster", "redis-cluster"),
    ("rabbit-mq", "rabbitmq"),
    ("pubsub", "google-pubsub"),
    ("gcp-pubsub", "google-pubsub"),
)

#: App stores of Sockudo; only the first is read.
APP_STORES: Final = ("memory", "mysql", "pgsql", "dynamodb", "surrealdb", "scylladb")

#: Starts of soketi's variables that a worker would have to obey. (A bare SOKETI_PORT may be one
#: that Kubernetes makes for a service of that name.)
_SOKETI_VARIABLES: Final = (
    "SOKETI_QUEUE_",
    "SOKETI_DB_",
    "SOKETI_APP_MANAGER_",
    "SOKETI_DEFAULT_APP_",
    "SOKETI_MODE",
)
_SOKETI_KEYS: Final = ("appManager", "databasePooling", "shutdownGracePeriod", "pathPrefix")
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
    if app_store != "memory":
        yield (
            "app_manager.driver",
            f"the {app_store} app store is not in this version",
            "use memory and list the apps under app_manager.array.apps",
        )


def soketi_fault(document: Mapping[str, object], environ: Mapping[str, str]) -> str | None:
    """One line when the configuration is soketi's, else None."""
    found = [name for name in environ if name.startswith(_SOKETI_VARIABLES) and environ[name]]
    keys = [key for key in document if key in _SOKETI_KEYS or ("." in key and key.isascii())]
    if not found and not keys:
        return None
    seen = f"variable {min(found)}" if found else f'key "{keys[0]}"'
    return (
        f"{seen}: this is soketi's configuration, which this version does not read;"
        " give a Sockudo file, or unset the SOKETI_* variables"
    )
