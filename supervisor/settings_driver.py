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
    RedisSettings,
    ReliabilitySettings,
    TlsSettings,
)
from sockq.supervisor.redis_url import compose
from sockq.supervisor.settings_layers import Layers, Value
from sockq.supervisor.settings_sqs import sqs_lease, sqs_settings

#: Name of the memory queue's socket in the fleet's directory.
BROKER_SOCKET: Final = "broker.sock"
_TLS: Final = "database.redis.master_tls."


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
    )
    if driver.value == "memory":
        capacity = int(_number(layers, "sockq.memory_capacity"))
        return Queue(
            MemorySettings(directory / BROKER_SOCKET, capacity, lease),
            warnings=tuple(_memory_warnings(driver)),
        )
    if driver.value == "redis":
        tls = _tls(layers)
        settings = RedisSettings(
            url=redis_url(layers),
            prefix=str(layers["queue.redis.prefix"]),
            response_timeout_seconds=_response_timeout(layers),
            connect_timeout_seconds=_number(layers, "sockq.redis_connect_timeout_seconds"),
            tls=tls,
            lease=lease,
            reliability=_reliability(layers),
        )
        faults = _missing_files(layers) if settings.url.startswith("rediss://") else ()
        return Queue(settings, tuple(faults), tuple(_redis_warnings(layers, settings.url)))
    if driver.value == "sqs":
        return Queue(sqs_settings(layers, lease, directory))
    warning = "queue.driver none: there is no queue, so nothing will be delivered"
    return Queue(NoneSettings(), warnings=(warning,) if driver.value == "none" else ())


def redis_url(layers: Layers) -> str:
    """``url_override`` if there is one, else composed from ``database.redis``. Secret."""
    if override := layers["queue.redis.url_override"]:
        return str(override)
    user, password = layers["database.redis.username"], layers["database.redis.password"]
    return compose(
        str(layers["database.redis.host"]),
        int(_number(layers, "database.redis.port")),
        int(_number(layers, "database.redis.db")),
        None if user is None else str(user),
        None if password is None else str(password),
        tls=layers[f"{_TLS}enabled"] is True,
    )


def _response_timeout(layers: Layers) -> float:
    milliseconds = _number(layers, "queue.redis.response_timeout_ms")
    return milliseconds / 1000 if milliseconds else 3600.0  # 0: no limit, as far as a worker lives


def _reliability(layers: Layers) -> ReliabilitySettings:
    names = ("max_attempts", "stalled_batch_size", "completed_retention", "event_retention")
    return ReliabilitySettings(
        **{name: int(_number(layers, f"queue.reliability.{name}")) for name in names}
    )


def _tls(layers: Layers) -> TlsSettings:
    return TlsSettings(
        verify=layers[f"{_TLS}accept_invalid_certs"] is not True,
        ca_path=_path(layers, "ca_path"),
        client_cert_path=_path(layers, "client_cert_path"),
        client_key_path=_path(layers, "client_key_path"),
    )


def _path(layers: Layers, name: str) -> Path | None:
    text = layers[f"{_TLS}{name}"]
    return Path(str(text)) if text else None


def _missing_files(layers: Layers) -> Iterator[str]:
    for name in ("ca_path", "client_cert_path", "client_key_path"):
        path = _path(layers, name)
        if path is not None and not path.is_file():
            origin = layers.values[f"{_TLS}{name}"].origin
            yield f"{_TLS}{name} ({origin}): there is no file {path}; correct the path"


def _memory_warnings(driver: Value) -> Iterator[str]:
    if driver.layer != "default":
        yield (
            "queue.driver memory: this queue belongs to this fleet, and a server with the memory"
            " driver keeps its own; use redis to deliver what a server queues"
        )


def _redis_warnings(layers: Layers, url: str) -> Iterator[str]:
    if layers["queue.redis.cluster_mode"] is True:
        yield "queue.redis.cluster_mode: no server reads it and it changes nothing here"
    if url.startswith("redis://") and layers[f"{_TLS}enabled"] is True:
        yield (
            f"{_TLS}enabled has no effect: the URL of queue.redis.url_override says redis://;"
            " write rediss:// there"
        )
    if url.startswith("rediss://") and layers[f"{_TLS}accept_invalid_certs"] is True:
        yield f"{_TLS}accept_invalid_certs: the certificate of Redis is not checked"


def _number(layers: Layers, path: str) -> float:
    value = layers[path]
    assert isinstance(value, int | float)
    return value
