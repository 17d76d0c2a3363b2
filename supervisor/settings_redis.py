"""Redis with a Sockudo configuration: one server, Sentinels or a cluster, and what there is to say.

soketi's is ``settings_soketi``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from sockq.drivers.settings import (
    LeaseSettings,
    RedisClusterSettings,
    RedisSettings,
    ReliabilitySettings,
    SentinelSettings,
    TlsSettings,
)
from sockq.supervisor.redis_url import compose, differ, node_urls
from sockq.supervisor.settings_layers import Layers

_MASTER: Final = "database.redis.master_tls"
_SENTINEL: Final = "database.redis.sentinel_tls"
_SENTINELS: Final = "database.redis.sentinels"
_NODES: Final = "queue.redis_cluster.nodes"
_SENTINEL_PORT: Final = 26_379
_HIGHEST_PORT: Final = 65_535
#: What a server does with an empty list of nodes.
_NODES_OF_AN_EMPTY_LIST: Final = tuple(f"redis://127.0.0.1:{port}" for port in (7000, 7001, 7002))


class Found(NamedTuple):
    """What the driver is told, and one line for everything that is wrong or surprising."""

    settings: RedisSettings | RedisClusterSettings
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def redis_settings(layers: Layers, lease: LeaseSettings) -> Found:
    """What the driver ``redis`` is told."""
    faults: list[str] = []
    sentinel = _sentinel(layers, faults)
    settings = RedisSettings(
        url=redis_url(layers),
        prefix=str(layers["queue.redis.prefix"]),
        response_timeout_seconds=_timeout(layers, "queue.redis.response_timeout_ms"),
        connect_timeout_seconds=_number(layers, "sockq.redis_connect_timeout_seconds"),
        tls=_tls(layers, _MASTER),
        lease=lease,
        reliability=_reliability(layers),
        cluster_mode=layers["queue.redis.cluster_mode"] is True,
        sentinel=sentinel,
    )
    if settings.url.startswith("rediss://"):
        faults += _missing_files(layers, _MASTER)
    if settings.cluster_mode:
        faults += _cluster_mode_faults(layers, settings)
    return Found(settings, tuple(faults), tuple(_warnings(layers, settings)))


def redis_cluster_settings(layers: Layers, lease: LeaseSettings) -> Found:
    """What the driver ``redis-cluster`` is told."""
    user, password = _text(layers, "cluster.username"), _text(layers, "cluster.password")
    encrypted = layers["database.redis.cluster.use_tls"] is True
    given = layers[_NODES] or _NODES_OF_AN_EMPTY_LIST
    assert isinstance(given, list | tuple)
    nodes = node_urls(given, user, password, tls=encrypted)
    settings = RedisClusterSettings(
        nodes=nodes,
        prefix=str(layers["queue.redis_cluster.prefix"]),
        response_timeout_seconds=_timeout(layers, "queue.redis_cluster.request_timeout_ms"),
        connect_timeout_seconds=_number(layers, "sockq.redis_connect_timeout_seconds"),
        tls=_tls(layers, _MASTER),
        lease=lease,
        reliability=_reliability(layers),
    )
    faults = []
    if differ(nodes):
        faults.append(
            f"{_NODES} ({layers.values[_NODES].origin}): all nodes must have the same scheme, user"
            " and password; write them all as URLs"
        )
    if nodes[0].startswith("rediss://"):
        faults += _missing_files(layers, _MASTER)
    return Found(settings, tuple(faults), tuple(_certificate_warnings(layers, _MASTER, nodes[0])))


def redis_url(layers: Layers) -> str:
    """``url_override`` if there is one, else composed from ``database.redis``. Secret."""
    if override := layers["queue.redis.url_override"]:
        return str(override)
    return compose(
        str(layers["database.redis.host"]),
        int(_number(layers, "database.redis.port")),
        int(_number(layers, "database.redis.db")),
        _text(layers, "username"),
        _text(layers, "password"),
        tls=layers[f"{_MASTER}.enabled"] is True,
    )


def _sentinel(layers: Layers, faults: list[str]) -> SentinelSettings | None:
    """The Sentinels, which count as in the server: not beside ``url_override``."""
    given = layers[_SENTINELS]
    assert isinstance(given, list | tuple)
    if not given or layers["queue.redis.url_override"]:
        return None
    origin = layers.values[_SENTINELS].origin
    nodes = []
    for number, item in enumerate(given):
        node = _address(item)
        if node is None:
            faults.append(
                f"{_SENTINELS}[{number}] ({origin}): expected a host and a port from 1 to"
                f" {_HIGHEST_PORT}; correct it"
            )
        else:
            nodes.append(node)
    tls = None
    if layers[f"{_SENTINEL}.enabled"] is True:
        tls = _tls(layers, _SENTINEL)
        faults += _missing_files(layers, _SENTINEL)
    return SentinelSettings(
        tuple(nodes),
        str(layers["database.redis.name"]),
        _text(layers, "sentinel_username") or None,
        _text(layers, "sentinel_password") or None,
        tls,
    )


def _address(item: object) -> tuple[str, int] | None:
    if not isinstance(item, Mapping):
        return None
    host, port = item.get("host"), item.get("port", _SENTINEL_PORT)
    if not isinstance(host, str) or not host.strip():
        return None
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= _HIGHEST_PORT:
        return None
    return host.strip(), port


def _cluster_mode_faults(layers: Layers, settings: RedisSettings) -> Iterator[str]:
    where = f"queue.redis.cluster_mode ({layers.values['queue.redis.cluster_mode'].origin})"
    if settings.sentinel is not None:
        yield f"{where}: a cluster has no Sentinels; take database.redis.sentinels or this out"
    elif settings.url.partition("#")[0].rpartition("/")[2].strip("0").isdigit():
        yield f"{where}: a cluster has database 0 only; take the number off the URL"


def _warnings(layers: Layers, settings: RedisSettings) -> Iterator[str]:
    if layers["queue.redis.url_override"] and layers[_SENTINELS]:
        yield f"{_SENTINELS} has no effect: queue.redis.url_override counts"
    if settings.url.startswith("redis://") and layers[f"{_MASTER}.enabled"] is True:
        yield (
            f"{_MASTER}.enabled has no effect: the URL of queue.redis.url_override says redis://;"
            " write rediss:// there"
        )
    yield from _certificate_warnings(layers, _MASTER, settings.url)
    if settings.sentinel is not None and settings.sentinel.tls is not None:
        yield from _certificate_warnings(layers, _SENTINEL, "rediss://")


def _certificate_warnings(layers: Layers, block: str, url: str) -> Iterator[str]:
    if url.startswith("rediss://") and layers[f"{block}.accept_invalid_certs"] is True:
        whose = "a Sentinel" if block == _SENTINEL else "Redis"
        yield f"{block}.accept_invalid_certs: the certificate of {whose} is not checked"


def _tls(layers: Layers, block: str) -> TlsSettings:
    return TlsSettings(
        verify=layers[f"{block}.accept_invalid_certs"] is not True,
        ca_path=_path(layers, f"{block}.ca_path"),
        client_cert_path=_path(layers, f"{block}.client_cert_path"),
        client_key_path=_path(layers, f"{block}.client_key_path"),
    )


def _missing_files(layers: Layers, block: str) -> Iterator[str]:
    for name in ("ca_path", "client_cert_path", "client_key_path"):
        path = _path(layers, f"{block}.{name}")
        if path is not None and not path.is_file():
            origin = layers.values[f"{block}.{name}"].origin
            yield f"{block}.{name} ({origin}): there is no file {path}; correct the path"


def _path(layers: Layers, name: str) -> Path | None:
    text = layers[name]
    return Path(str(text)) if text else None


def _reliability(layers: Layers) -> ReliabilitySettings:
    names = ("max_attempts", "stalled_batch_size", "completed_retention", "event_retention")
    return ReliabilitySettings(
        **{name: int(_number(layers, f"queue.reliability.{name}")) for name in names}
    )


def _timeout(layers: Layers, path: str) -> float:
    milliseconds = _number(layers, path)
    return milliseconds / 1000 if milliseconds else 3600.0  # 0: no limit, as far as a worker lives


def _text(layers: Layers, name: str) -> str | None:
    value = layers[f"database.redis.{name}"]
    return None if value is None else str(value)


def _number(layers: Layers, path: str) -> float:
    value = layers[path]
    assert isinstance(value, int | float)
    return value
