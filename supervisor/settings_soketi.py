"""A soketi configuration turned into settings: which queue, and what its driver is told.

The counterparts for Sockudo's are in ``settings_driver.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sockq.drivers.bullmq_format import has_hash_tag
from sockq.drivers.settings import BullmqSettings, LeaseSettings, NoneSettings, SqsSettings
from sockq.supervisor.settings_driver import Queue
from sockq.supervisor.settings_layers import Layers, Value
from sockq.supervisor.soketi_redis import soketi_redis

#: Options of the SQS client that are obeyed, or change nothing about which queue is read.
_SQS_OPTIONS: Final = ("region", "endpoint", "apiVersion", "maxRetries", "httpOptions")
#: How long soketi's own consumers wait for a first message.
_SQS_WAIT_SECONDS: Final = 20


def choose_soketi_driver(layers: Layers) -> Value:
    """The driver: as set, else the server's own default, which leaves no queue to read."""
    given = layers.values["queue.driver"]
    return given if given.value is not None else Value("sync", "the server's default")


def soketi_queue(layers: Layers, driver: Value, directory: Path) -> Queue:
    """What the driver is told.

    Args:
        layers: The settings.
        driver: As ``choose_soketi_driver`` says.
        directory: The fleet's.
    """
    lease = LeaseSettings(
        lease_seconds=_number(layers, "sockq.lease_seconds"),
        dead_limit=int(_number(layers, "sockq.dead_limit")),
        dead_seconds=_number(layers, "sockq.dead_days") * 86_400.0,
    )
    if driver.value == "redis":
        return _redis(layers, lease)
    if driver.value == "sqs":
        return _sqs(layers, lease, directory)
    if any(_names_driver(fault) for fault in layers.faults):
        return Queue(NoneSettings())
    fault = (
        f"queue.driver ({driver.origin}): soketi's sync driver delivers inside the server and"
        " leaves no queue; set SOKETI_QUEUE_DRIVER=redis (or sqs) for the servers and for sockq"
    )
    return Queue(NoneSettings(), faults=(fault,))


def _names_driver(fault: str) -> bool:
    """Whether a fault says already that the driver is no driver."""
    return "queue.driver: expected" in fault or "QUEUE_DRIVER: expected" in fault


def _redis(layers: Layers, lease: LeaseSettings) -> Queue:
    found = soketi_redis(layers)
    prefix = str(layers["database.redis.keyPrefix"] or "")
    settings = BullmqSettings(
        url=found.url,
        prefix=prefix,
        response_timeout_seconds=found.response_seconds or 5.0,
        connect_timeout_seconds=found.connect_seconds
        or _number(layers, "sockq.redis_connect_timeout_seconds"),
        tls=found.tls,
        lease=lease,
        nodes=found.nodes,
        sentinel=found.sentinel,
    )
    faults = [*found.faults, *_cluster_faults(layers, prefix)]
    warnings = [*found.warnings, *_mode_warnings(layers)]
    return Queue(settings, tuple(faults), tuple(warnings))


def _cluster_faults(layers: Layers, prefix: str) -> Iterator[str]:
    if layers["queue.redis.clusterMode"] is not True or has_hash_tag(prefix):
        return
    name = prefix.strip(":{}") or "soketi"
    origin = layers.values["database.redis.keyPrefix"].origin
    yield (
        f"database.redis.keyPrefix ({origin}): a Redis Cluster needs a hash tag in the prefix, or"
        f" soketi and sockq fail with CROSSSLOT; set SOKETI_DB_REDIS_KEY_PREFIX={{{name}}}: for"
        " every server and for sockq"
    )


def _mode_warnings(layers: Layers) -> Iterator[str]:
    mode = layers.values["mode"]
    if mode.value == "server":
        yield (
            f"{mode.origin}: mode server: such a soketi server enqueues nothing on Redis; set"
            " SOKETI_MODE=full and SOKETI_QUEUE_REDIS_CONCURRENCY=0 for it"
        )


def _sqs(layers: Layers, lease: LeaseSettings, directory: Path) -> Queue:
    options = layers["queue.sqs.clientOptions"]
    assert isinstance(options, Mapping)
    origin = layers.values["queue.sqs.clientOptions"].origin
    faults, warnings = [], []
    url = str(layers["queue.sqs.queueUrl"] or "")
    if not url.startswith(("http://", "https://")):
        faults.append(
            f"queue.sqs.queueUrl ({layers.values['queue.sqs.queueUrl'].origin}): expected the"
            " queue's URL; set SOKETI_QUEUE_SQS_URL"
        )
    for name in options:
        if name in {"credentials", "accessKeyId", "secretAccessKey", "sessionToken"}:
            faults.append(
                f"queue.sqs.clientOptions.{name} ({origin}): credentials are not read from here;"
                " set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        elif name not in _SQS_OPTIONS:
            warnings.append(f"queue.sqs.clientOptions.{name} ({origin}) changes nothing here")
    endpoint = options.get("endpoint") or layers["queue.sqs.endpoint"]
    settings = SqsSettings(
        region=str(options.get("region") or layers["queue.sqs.region"]),
        endpoint_url=_whole_url(str(endpoint)) if endpoint else None,
        queue_url=url,
        fifo=True,
        message_group_id=None,
        wait_time_seconds=_SQS_WAIT_SECONDS,
        connect_timeout_seconds=_number(layers, "sockq.redis_connect_timeout_seconds"),
        journal=directory / "sqs",
        dialect="soketi",
        lease=lease,
    )
    return Queue(settings, tuple(faults), tuple(warnings))


def _whole_url(endpoint: str) -> str:
    """The SDK takes a host alone."""
    return endpoint if "://" in endpoint else f"https://{endpoint}"


def _number(layers: Layers, path: str) -> float:
    value = layers[path]
    assert isinstance(value, int | float)
    return value
