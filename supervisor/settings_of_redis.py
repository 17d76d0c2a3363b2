"""The settings of a Sockudo configuration about Redis itself: servers, Sentinels, cluster, TLS."""

from __future__ import annotations

from typing import Final

from sockq.supervisor.redis_url import complaint_about_host
from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_kinds import Flag, Formed, Items, Kind, Text, Whole
from sockq.supervisor.settings_kinds_nodes import Nodes

_NOTHING: Final = Text(optional=True, blank=True)
_HOST: Final = Formed(
    "a host name or address alone (a whole URL belongs in queue.redis.url_override)",
    complaint_about_host,
)


def _redis(name: str, kind: Kind, what: str, **more: object) -> Setting:
    variable = "DATABASE_REDIS_" + name.replace(".", "_").upper()
    return Setting(f"database.redis.{name}", kind, what, (variable,), **more)  # type: ignore[arg-type]


def _tls(block: str, enabled: str, server: str) -> tuple[Setting, ...]:
    return (
        _redis(f"{block}.enabled", Flag(), enabled, default=False),
        _redis(
            f"{block}.accept_invalid_certs",
            Flag(),
            f"Do not check the certificate of {server}.",
            default=False,
            aliases=("acceptInvalidCerts",),
        ),
        _redis(
            f"{block}.ca_path",
            Text(optional=True),
            "PEM file with the authorities to trust instead of the system's.",
        ),
        _redis(
            f"{block}.client_cert_path",
            Text(optional=True),
            "PEM file with the client's certificate.",
        ),
        _redis(f"{block}.client_key_path", Text(optional=True), "PEM file with the client's key."),
    )


_REDIS: Final = (
    _redis("host", _HOST, "Host; may start with redis:// or rediss://.", default="127.0.0.1"),
    _redis("port", Whole(1, 65_535), "Port.", default=6379),
    _redis("db", Whole(0, 65_535), "Database.", default=0),
    _redis("username", _NOTHING, "ACL user. An empty variable: none.", empty_counts=True),
    _redis("password", _NOTHING, "Password. An empty one: none.", empty_counts=True, secret=True),
    Setting(
        "database.redis.sentinels",
        Items(),
        "Sentinels, each {host, port}; then they say where the master is.",
        default=(),
    ),
    Setting(
        "database.redis.name", Text(), "The master's name at the Sentinels.", default="mymaster"
    ),
    _redis("sentinel_username", _NOTHING, "ACL user of the Sentinels.", empty_counts=True),
    _redis(
        "sentinel_password",
        _NOTHING,
        "Password of the Sentinels.",
        empty_counts=True,
        secret=True,
    ),
    *_tls("sentinel_tls", "Speak TLS to the Sentinels.", "a Sentinel"),
    *_tls("master_tls", "Speak TLS: redis:// becomes rediss://.", "the server"),
    _redis(
        "cluster.username",
        _NOTHING,
        "ACL user for cluster nodes that are given as HOST:PORT.",
        empty_counts=True,
    ),
    _redis(
        "cluster.password",
        _NOTHING,
        "Password for cluster nodes that are given as HOST:PORT.",
        empty_counts=True,
        secret=True,
    ),
    _redis(
        "cluster.use_tls",
        Flag(),
        "Speak TLS to cluster nodes that are given as HOST:PORT; files as in master_tls.",
        default=False,
        aliases=("useTLS",),
    ),
)

_CLUSTER: Final = (
    Setting(
        "queue.redis_cluster.nodes",
        Nodes(),
        "Some nodes of the cluster. An empty list: 127.0.0.1, ports 7000 to 7002.",
        ("REDIS_CLUSTER_NODES", "DATABASE_REDIS_CLUSTER_NODES"),
        default=("redis://127.0.0.1:6379",),
        default_text="`redis://127.0.0.1:6379`",
        secret=True,
    ),
    Setting(
        "queue.redis_cluster.concurrency",
        Whole(),
        "Workers, as queue.redis.concurrency.",
        ("REDIS_CLUSTER_QUEUE_CONCURRENCY",),
        default=5,
    ),
    Setting(
        "queue.redis_cluster.prefix",
        Text(),
        "Start of the queue's keys, as queue.redis.prefix.",
        ("REDIS_CLUSTER_QUEUE_PREFIX",),
        default="sockudo_queue:",
    ),
    Setting(
        "queue.redis_cluster.request_timeout_ms",
        Whole(0, 3_600_000),
        "Longest wait for the answer to one command. 0: no limit.",
        ("REDIS_CLUSTER_QUEUE_REQUEST_TIMEOUT_MS",),
        default=5000,
    ),
)

REDIS_SETTINGS: Final[tuple[Setting, ...]] = (*_CLUSTER, *_REDIS)
