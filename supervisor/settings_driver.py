"""The queue's settings: which driver, and what that driver is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sockq.drivers.settings import (
    DriverSettings,
    LeaseSettings,
    MemorySettings,
    NoneSettings,
)
from sockq.supervisor.settings_layers import Layers, Value
from sockq.supervisor.settings_redis import redis_cluster_settings, redis_settings
from sockq.supervisor.settings_sqs import sqs_lease, sqs_settings

#: Name of the memory queue's socket in the fleet's directory.
BROKER_SOCKET: Final = "broker.sock"


@dataclass(frozen=True, slots=True)
class Queue:
    """The driver's settings, and what there is to say about them."""

    settings: DriverSettings
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def there(self) -> bool:
        """Whether there is a queue at all."""
        return not isinstance(self.settings, NoneSettings)


def choose_driver(layers: Layers, file_name: str) -> Value:
    """The driver: as set, else the server's own default where a server is configured, else memory.

    Args:
        layers: The settings.
        file_name: Of the configuration file; empty: there is none.
    """
    given = layers.values["queue.driver"]
    if given.value is not None:
        return given
    if file_name:
        return Value("redis", f"the server's default: no queue.driver in {file_name}")
    for path, value in layers.values.items():
        if path.startswith(("queue.redis.", "database.redis.")) and value.layer != "default":
            return Value("redis", f"the server's default: {value.origin} is set")
    return Value("memory", "default: nothing is configured")


def lease_seconds(layers: Layers, driver: Value) -> Value:
    """How long a claim holds on the driver in use."""
    return sqs_lease(layers) if driver.value == "sqs" else layers.values["sockq.lease_seconds"]


def queue_settings(layers: Layers, driver: Value, directory: Path) -> Queue:
    """What the driver is told.

    Args:
        layers: The settings.
        driver: As ``choose_driver`` says; a driver that does not exist here counts as ``none``.
        directory: The fleet's.
    """
    lease = LeaseSettings(
        lease_seconds=_number(layers, "sockq.lease_seconds"),
        dead_limit=int(_number(layers, "sockq.dead_limit")),
        dead_seconds=_number(layers, "sockq.dead_days") * 86_400.0,
    )
    if driver.value == "memory":
        capacity = int(_number(layers, "sockq.memory_capacity"))
        return Queue(
            MemorySettings(directory / BROKER_SOCKET, capacity, lease),
            warnings=tuple(_memory_warnings(driver)),
        )
    if driver.value == "redis":
        return Queue(*redis_settings(layers, lease))
    if driver.value == "redis-cluster":
        return Queue(*redis_cluster_settings(layers, lease))
    if driver.value == "sqs":
        return Queue(sqs_settings(layers, lease, directory))
    warning = "queue.driver none: there is no queue, so nothing will be delivered"
    return Queue(NoneSettings(), warnings=(warning,) if driver.value == "none" else ())


def _memory_warnings(driver: Value) -> Iterator[str]:
    if driver.layer != "default":
        yield (
            "queue.driver memory: this queue belongs to this fleet, and a server with the memory"
            " driver keeps its own; use redis to deliver what a server queues"
        )


def _number(layers: Layers, path: str) -> float:
    value = layers[path]
    assert isinstance(value, int | float)
    return value
