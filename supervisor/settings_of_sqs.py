"""The settings of SQS in a Sockudo configuration, with the server's own defaults."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from sockq.supervisor.settings_entry import Setting
from sockq.supervisor.settings_kinds import Flag, Formed, Kind, Text, Whole

#: SQS' own limits: twelve hours out of sight, ten messages a receive, twenty seconds of waiting.
_MOST_VISIBILITY: Final = 43_200
_MOST_MESSAGES: Final = 10
_MOST_WAIT: Final = 20


def complaint_about_service(text: str) -> str | None:
    """What is wrong with the URL of a service; None: nothing. Shows none of it."""
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return "it is no URL"
    if parts.scheme not in {"http", "https"}:
        return "it does not start with http:// or https://"
    if not parts.hostname or not port_fits:
        return "it has no host, or port 0"
    if "@" in parts.netloc:
        return "credentials are not read from it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return None


_URL: Final = Formed("http://… or https://…", complaint_about_service, optional=True)


def _sqs(name: str, kind: Kind, what: str, *, variable: bool = True, **more: object) -> Setting:
    env = (f"QUEUE_SQS_{name.upper()}",) if variable else ()
    return Setting(f"queue.sqs.{name}", kind, what, env, **more)  # type: ignore[arg-type]


SQS_SETTINGS: Final = (
    _sqs("region", Text(), "Region.", default="us-east-1"),
    _sqs(
        "queue_url_prefix",
        _URL,
        "Start of the queue's URL, verbatim: the URL is this and webhooks (or webhooks.fifo).",
        variable=False,
        default_text="none: the URL is asked for by name, a missing queue is created",
    ),
    _sqs(
        "visibility_timeout",
        Whole(1, _MOST_VISIBILITY),
        "Seconds a claim holds when nobody extends it; sockq.lease_seconds counts first.",
        default=30,
    ),
    _sqs(
        "endpoint_url",
        _URL,
        "Where the service is, when it is not AWS.",
        default_text="the region's own",
    ),
    _sqs(
        "max_messages",
        Whole(1, _MOST_MESSAGES),
        "Most messages that one receive asks for.",
        default=10,
    ),
    _sqs(
        "wait_time_seconds",
        Whole(0, _MOST_WAIT),
        "How long a receive waits at the service for a first message.",
        default=5,
    ),
    _sqs(
        "concurrency",
        Whole(),
        "Workers, unless sockq.workers says otherwise. 0: as many as cores, at least 2.",
        default=5,
    ),
    _sqs("fifo", Flag(), "The queue is FIFO: its name ends in .fifo.", default=False),
    _sqs(
        "message_group_id",
        Text(optional=True),
        "Group of the jobs that sockq puts in a FIFO queue; null: each is a group of its own.",
        variable=False,
        default="default",
    ),
)
