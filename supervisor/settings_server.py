"""Whose configuration it is: a Sockudo server's or a soketi server's, told by what only one has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

ServerName = Literal["Sockudo", "soketi"]

#: Starts of soketi's variables that a worker obeys. (A bare SOKETI_PORT may be one that Kubernetes
#: makes for a service of that name.)
_SOKETI_VARIABLES: Final = (
    "SOKETI_QUEUE_",
    "SOKETI_DB_",
    "SOKETI_APP_MANAGER_",
    "SOKETI_DEFAULT_APP_",
    "SOKETI_MODE",
)
#: The same without soketi's start, as its documentation names them; no variable of Sockudo.
_BARE_VARIABLES: Final = ("DB_REDIS_", "QUEUE_REDIS_OPTIONS", "QUEUE_REDIS_CLUSTER_MODE")
#: Variables of Sockudo that say which queue and which apps.
_SOCKUDO_VARIABLES: Final = (
    "SOCKUDO_",
    "DATABASE_",
    "REDIS_CLUSTER_",
    "QUEUE_REDIS_PREFIX",
    "REDIS_URL",
)
_SOKETI_KEYS: Final = (
    "appManager",
    "databasePooling",
    "shutdownGracePeriod",
    "pathPrefix",
    "queue.redis.clusterMode",
    "queue.redis.redisOptions",
    "queue.sqs.queueUrl",
    "queue.sqs.batchSize",
    "queue.sqs.clientOptions",
    "queue.sqs.consumerOptions",
    "queue.sqs.processBatch",
    "queue.sqs.pollingWaitTimeMs",
    "database.redis.keyPrefix",
    "database.redis.clusterNodes",
    "database.redis.sentinelPassword",
)
_SOCKUDO_KEYS: Final = (
    "app_manager",
    "queue.redis.prefix",
    "queue.redis.url_override",
    "queue.redis.response_timeout_ms",
    "queue.reliability",
    "queue.redis_cluster",
    "queue.sqs.queue_url_prefix",
    "queue.sqs.message_group_id",
    "database.redis.key_prefix",
    "database.redis.master_tls",
    "database.redis.cluster",
)


def whose(
    document: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[ServerName, str | None]:
    """Tell whose configuration it is.

    Args:
        document: The file's top-level table; empty without a file.
        environ: Variables.

    Returns:
        The server, and a fault where file and variables are of different servers. What only one
        server has in its file decides; then soketi's variables; else it is Sockudo's.
    """
    soketi_key, sockudo_key = _soketi_key(document), _first(document, _SOCKUDO_KEYS)
    variable = _variable(environ, _SOKETI_VARIABLES)
    fault = None
    if soketi_key and sockudo_key:
        fault = (
            f'"{soketi_key}" is a key of soketi and "{sockudo_key}" one of Sockudo:'
            " give the file of one server"
        )
    elif sockudo_key and variable:
        fault = (
            f'variable {variable} is of soketi, and the file of Sockudo ("{sockudo_key}"):'
            " unset it, or give soketi's file"
        )
    if sockudo_key:
        return "Sockudo", fault
    bare = _variable(environ, _BARE_VARIABLES)
    alone = bare and not document and not _variable(environ, _SOCKUDO_VARIABLES)
    return "soketi" if soketi_key or variable or alone else "Sockudo", fault


def _variable(environ: Mapping[str, str], starts: tuple[str, ...]) -> str:
    return min((name for name in environ if name.startswith(starts) and environ[name]), default="")


def _soketi_key(document: Mapping[str, object]) -> str:
    for key in document:
        section, dot, _ = key.partition(".")
        if dot and section != "sockq" and key.isascii():
            return key
    queue = document.get("queue")
    if isinstance(queue, Mapping) and queue.get("driver") == "sync":
        return "queue.driver sync"
    return _first(document, _SOKETI_KEYS)


def _first(document: Mapping[str, object], paths: tuple[str, ...]) -> str:
    return next((path for path in paths if _has(document, path)), "")


def _has(document: Mapping[str, object], path: str) -> bool:
    found: object = document
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return False
        found = found[name]
    return True
