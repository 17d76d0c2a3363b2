"""The next step beside a backend's error: which setting mends what the driver complains of."""

from __future__ import annotations

from sockq.drivers.errors import BackendUnavailable, SockqError
from sockq.drivers.settings import DriverSettings, RedisSettings


def with_advice(error: SockqError, settings: DriverSettings) -> str:
    """One line: the error, and what to do about it where the error does not say so itself."""
    if isinstance(settings, RedisSettings) and isinstance(error, BackendUnavailable):
        return f"{error}: start it, or set queue.redis.url_override / DATABASE_REDIS_HOST"
    return str(error)
