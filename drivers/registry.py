"""From settings to a driver. Client libraries are imported only when their driver is chosen."""

from __future__ import annotations

from typing import assert_never

from sockq.drivers.settings import (
    BullmqSettings,
    DriverSettings,
    MemorySettings,
    NoneSettings,
    RedisClusterSettings,
    RedisSettings,
    SqsSettings,
)
from sockq.drivers.source import Driver


def make_driver(settings: DriverSettings) -> Driver:
    """Return the driver for ``settings``, not yet opened (see ``Driver.open``)."""
    match settings:
        case MemorySettings():
            from sockq.drivers.memory import MemoryDriver  # noqa: PLC0415 - only what is used

            return MemoryDriver(settings)
        case RedisSettings():
            from sockq.drivers.redis import RedisDriver  # noqa: PLC0415

            return RedisDriver(settings)
        case RedisClusterSettings():
            from sockq.drivers.redis_cluster import RedisClusterDriver  # noqa: PLC0415

            return RedisClusterDriver(settings)
        case BullmqSettings():
            from sockq.drivers.soketi_redis import SoketiRedisDriver  # noqa: PLC0415

            return SoketiRedisDriver(settings)
        case SqsSettings():
            from sockq.drivers.sqs import SqsDriver  # noqa: PLC0415

            return SqsDriver(settings)
        case NoneSettings():
            from sockq.drivers.none import NoneDriver  # noqa: PLC0415

            return NoneDriver()
        case _:
            assert_never(settings)
