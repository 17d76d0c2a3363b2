"""The settings of a soketi configuration that a worker obeys, with the server's own defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sockq.supervisor.redis_url import complaint_about_host
from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_kinds import Choice, Flag, Formed, Kind, Text, Whole
from sockq.supervisor.settings_kinds_json import JsonList, JsonTable, JsonText
from sockq.supervisor.settings_of_sockq import OWN_SETTINGS
from sockq.supervisor.settings_of_stores import SOKETI_STORE_SETTINGS

#: Queue drivers of soketi; the first leaves nothing for a worker of another process.
DRIVERS: Final = ("sync", "redis", "sqs")
#: App stores of soketi.
APP_STORES: Final = ("array", "mysql", "postgres", "dynamodb")
_NOTHING: Final = JsonText()


def _soketi(path: str, variable: str, kind: Kind, what: str, **more: object) -> Setting:
    return Setting(path, kind, what, (f"SOKETI_{variable}",), bare=variable, **more)  # type: ignore[arg-type]


def _not_a_worker(mode: str) -> str | None:
    if mode.strip().strip('"').lower() == "worker":
        return None
    return "sockq is the worker fleet and not a WebSocket server; run soketi for that"


_MODES: Final = (
    Setting(
        "MODE",
        Formed("worker", _not_a_worker),
        "What to be: worker, nothing else.",
        ("SOKETI_MODE",),
        default="worker",
        in_file=False,
        bare="MODE",
    ),
    Setting(
        "mode",
        JsonText(),
        "The server's mode, in a file that the server reads too. Not obeyed: sockq is a worker.",
    ),
)

_QUEUE: Final = (
    _soketi(
        "queue.driver",
        "QUEUE_DRIVER",
        Choice(DRIVERS, told=DRIVERS[1:]),
        "Where the queue is.",
        default_text="none: soketi's own (sync) leaves no queue behind",
    ),
    _soketi(
        "queue.redis.concurrency",
        "QUEUE_REDIS_CONCURRENCY",
        Whole(),
        "Workers, unless sockq.workers says otherwise. 0: as many as cores, at least 2.",
        default=1,
    ),
    _soketi(
        "queue.redis.redisOptions",
        "QUEUE_REDIS_OPTIONS",
        JsonTable(),
        "Options of the connection that count before database.redis: host, port, db, username,"
        " password, tls, sentinels, name, sentinelPassword, connectTimeout, commandTimeout;"
        " redisOptions (cluster).",
        default={},
        default_text="none",
        secret=True,
    ),
    _soketi(
        "queue.redis.clusterMode",
        "QUEUE_REDIS_CLUSTER_MODE",
        Flag(),
        "The queue is in the Redis Cluster of database.redis.clusterNodes.",
        default=False,
    ),
    _soketi(
        "queue.sqs.queueUrl",
        "QUEUE_SQS_URL",
        JsonText(),
        "The queue's URL. Needed for sqs.",
        default="",
        default_text="none",
    ),
    _soketi("queue.sqs.region", "QUEUE_SQS_REGION", Text(), "Region.", default="us-east-1"),
    _soketi(
        "queue.sqs.endpoint",
        "QUEUE_SQS_ENDPOINT",
        Text(optional=True),
        "Where the service is, when it is not AWS.",
    ),
    _soketi(
        "queue.sqs.clientOptions",
        "QUEUE_SQS_CLIENT_OPTIONS",
        JsonTable(),
        "Options of the client; region and endpoint count before those above.",
        default={},
        default_text="none",
        secret=True,
    ),
    _soketi(
        "queue.sqs.batchSize",
        "QUEUE_SQS_BATCH_SIZE",
        Whole(1, 10),
        "Read by the server only: sockq always asks for ten messages.",
        default=1,
    ),
    _soketi(
        "queue.sqs.processBatch",
        "QUEUE_SQS_PROCESS_BATCH",
        Flag(),
        "Read by the server only.",
        default=False,
    ),
    _soketi(
        "queue.sqs.pollingWaitTimeMs",
        "QUEUE_SQS_POLLING_WAIT_TIME_MS",
        Whole(),
        "Read by the server only: sockq polls without pauses.",
        default=0,
    ),
)

_REDIS: Final = (
    _soketi(
        "database.redis.host",
        "DB_REDIS_HOST",
        Formed("a host name or address alone", complaint_about_host),
        "Host.",
        default="127.0.0.1",
    ),
    _soketi("database.redis.port", "DB_REDIS_PORT", Whole(1, 65_535), "Port.", default=6379),
    _soketi("database.redis.db", "DB_REDIS_DB", Whole(0, 65_535), "Database.", default=0),
    _soketi("database.redis.username", "DB_REDIS_USERNAME", _NOTHING, "ACL user."),
    _soketi("database.redis.password", "DB_REDIS_PASSWORD", _NOTHING, "Password.", secret=True),
    _soketi(
        "database.redis.keyPrefix",
        "DB_REDIS_KEY_PREFIX",
        JsonText(),
        "Start of the queues' keys, less one colon at its end. A Redis Cluster needs a hash tag in"
        " it, on every server: {soketi}:",
        default="",
        default_text="empty",
    ),
    _soketi(
        "database.redis.sentinels",
        "DB_REDIS_SENTINELS",
        JsonList(),
        "Sentinels, each with host and port; they count instead of host and port.",
        default=(),
        secret=True,
    ),
    _soketi(
        "database.redis.sentinelPassword",
        "DB_REDIS_SENTINEL_PASSWORD",
        _NOTHING,
        "Password of the Sentinels.",
        secret=True,
    ),
    _soketi(
        "database.redis.name",
        "DB_REDIS_INSTANCE_NAME",
        JsonText(blank=False),
        "The master's name with the Sentinels.",
        default="mymaster",
    ),
    _soketi(
        "database.redis.clusterNodes",
        "DB_REDIS_CLUSTER_NODES",
        JsonList(),
        "Nodes of a Redis Cluster, each with host and port.",
        default=(),
        secret=True,
    ),
)


def _default_app(name: str, kind: Kind, what: str, **more: object) -> Setting:
    variable = f"DEFAULT_APP_{name.upper()}"
    path = f"SOKETI_{variable}"
    return Setting(path, kind, what, (path,), in_file=False, bare=variable, **more)  # type: ignore[arg-type]


_APPS: Final = (
    _soketi(
        "appManager.driver",
        "APP_MANAGER_DRIVER",
        Choice(APP_STORES),
        "Where apps are kept.",
        default="array",
    ),
    Setting("appManager.array.apps", JsonList(), "The apps and their webhooks.", default=()),
    _default_app("id", JsonText(blank=False), "Id of the first app."),
    _default_app("key", JsonText(blank=False), "Key of the first app."),
    _default_app("secret", JsonText(blank=False), "Secret of the first app.", secret=True),
    _default_app("enabled", Flag(), "Without effect: soketi delivers either way."),
    _default_app("webhooks", JsonList(), "Webhooks of the first app, a JSON list.", secret=True),
)

SOKETI_SETTINGS: Final[tuple[Setting, ...]] = (
    *_MODES[1:],
    *_QUEUE,
    *_REDIS,
    *_APPS,
    *SOKETI_STORE_SETTINGS,
)
#: sockq's own beside a soketi configuration: what follows a setting of Sockudo follows nothing.
SOKETI_OWN_SETTINGS: Final[tuple[Setting, ...]] = (
    _MODES[0],
    *(
        replace(setting, follows=None, factor=None) if setting.follows else setting
        for setting in OWN_SETTINGS
        if setting.path != "MODE"
    ),
)
