"""SQS with a Sockudo configuration: what the driver is told. soketi's is ``settings_soketi``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sockq.drivers.settings import LeaseSettings, SqsSettings
from sockq.supervisor.settings_layers import Layers, Value

#: Name, in the fleet's directory, of the directory in which its processes note who holds what.
JOURNAL: Final = "sqs"
_LEASE: Final = "sockq.lease_seconds"
_VISIBILITY: Final = "queue.sqs.visibility_timeout"


def sqs_lease(layers: Layers) -> Value:
    """How long a claim holds: our own setting when somebody set it, else the visibility timeout.

    ``queue.reliability``, which else speaks for a server, says nothing of its SQS queues.
    """
    given, visibility = layers.values[_LEASE], layers.values[_VISIBILITY]
    if given.layer != "default" and not given.origin.startswith("queue.reliability."):
        return given
    return Value(_seconds(visibility), f"{_VISIBILITY}, {visibility.origin}", visibility.layer)


def sqs_settings(layers: Layers, lease: LeaseSettings, directory: Path) -> SqsSettings:
    """What the driver is told.

    Args:
        layers: The settings.
        lease: As the fleet's.
        directory: The fleet's.
    """
    return SqsSettings(
        region=str(layers["queue.sqs.region"]),
        endpoint_url=_text(layers, "endpoint_url"),
        queue_url_prefix=_text(layers, "queue_url_prefix"),
        fifo=layers["queue.sqs.fifo"] is True,
        message_group_id=_text(layers, "message_group_id"),
        visibility_timeout_seconds=_whole(layers, "visibility_timeout"),
        max_messages=_whole(layers, "max_messages"),
        wait_time_seconds=_whole(layers, "wait_time_seconds"),
        connect_timeout_seconds=_seconds(layers.values["sockq.redis_connect_timeout_seconds"]),
        journal=directory / JOURNAL,
        dialect="sockudo",
        lease=lease,
    )


def _text(layers: Layers, name: str) -> str | None:
    given = layers[f"queue.sqs.{name}"]
    return None if given is None else str(given)


def _whole(layers: Layers, name: str) -> int:
    given = layers[f"queue.sqs.{name}"]
    assert isinstance(given, int)
    return given


def _seconds(given: Value) -> float:
    assert isinstance(given.value, int | float)
    return float(given.value)
