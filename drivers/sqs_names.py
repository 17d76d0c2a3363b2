"""What queues are called and where they are, as the servers form it. Pure, and without boto3."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from sockq.drivers.settings import SqsSettings

_FIFO: Final = ".fifo"
_DEAD: Final = "-dead"


def service(settings: SqsSettings) -> str:
    """Which SQS it is, for messages; without credentials."""
    place = f"SQS in {settings.region}"
    if settings.endpoint_url:
        parts = urlsplit(settings.endpoint_url)
        place += f" ({parts.scheme}://{parts.netloc.rpartition('@')[2]})"
    return place


def queue_name(settings: SqsSettings) -> str:
    """The queue's name: of its URL if that is given, with ``.fifo`` where the queue is FIFO.

    A prefix may hold the start of the name: ``…/1234/shop-`` makes it ``shop-webhooks``.
    """
    url = given_url(settings)
    return url.rstrip("/").rpartition("/")[2] if url else _own_name(settings)


def is_fifo(settings: SqsSettings) -> bool:
    """Whether the queue is FIFO: SQS tells by the name."""
    return queue_name(settings).endswith(_FIFO)


def dead_name(name: str) -> str:
    """The dead-letter queue of ``name``: ``webhooks-dead``, ``webhooks-dead.fifo``."""
    return name.removesuffix(_FIFO) + _DEAD + (_FIFO if name.endswith(_FIFO) else "")


def given_url(settings: SqsSettings) -> str | None:
    """The URL that needs no look-up; None: ask by name. No slash is added, nothing is checked."""
    if settings.queue_url:
        return settings.queue_url
    if settings.queue_url_prefix:
        return settings.queue_url_prefix + _own_name(settings)
    return None


def _own_name(settings: SqsSettings) -> str:
    if settings.fifo and not settings.queue.endswith(_FIFO):
        return settings.queue + _FIFO
    return settings.queue


def creation(settings: SqsSettings) -> dict[str, str]:
    """Attributes of a queue that is created: exactly the servers'."""
    found = {"VisibilityTimeout": str(settings.visibility_timeout_seconds)}
    if is_fifo(settings):
        found |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return found
