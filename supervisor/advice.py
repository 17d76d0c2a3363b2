"""The next step beside a backend's error: which setting mends what the driver complains of."""

from __future__ import annotations

from sockq.drivers.errors import BackendUnavailable, SockqError
from sockq.drivers.settings import (
    BullmqSettings,
    DriverSettings,
    RedisClusterSettings,
    RedisSettings,
    SqsSettings,
)


def with_advice(error: SockqError, settings: DriverSettings) -> str:
    """One line: the error, and what to do about it where the error does not say so itself."""
    if isinstance(settings, RedisSettings) and isinstance(error, BackendUnavailable):
        if settings.sentinel is not None:
            return f"{error}: start it, or set database.redis.sentinels and database.redis.name"
        return f"{error}: start it, or set queue.redis.url_override / DATABASE_REDIS_HOST"
    if isinstance(settings, RedisClusterSettings) and isinstance(error, BackendUnavailable):
        return f"{error}: start it, or set queue.redis_cluster.nodes / REDIS_CLUSTER_NODES"
    if isinstance(settings, BullmqSettings) and isinstance(error, BackendUnavailable):
        return f"{error}: start it, or set {_soketi_address(settings)}"
    if isinstance(settings, SqsSettings) and isinstance(error, BackendUnavailable):
        other = (
            "SOKETI_QUEUE_SQS_ENDPOINT"
            if settings.dialect == "soketi"
            else "queue.sqs.endpoint_url"
        )
        return f"{error}: see that it can be reached from here, and to {other} and the region"
    return str(error)


def _soketi_address(settings: BullmqSettings) -> str:
    if settings.nodes:
        return "SOKETI_DB_REDIS_CLUSTER_NODES"
    return "SOKETI_DB_REDIS_SENTINELS" if settings.sentinel else "SOKETI_DB_REDIS_HOST"
