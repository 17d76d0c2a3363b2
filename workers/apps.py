"""An app and its webhooks, ready for deliveries. Values only; ``app_shapes.py`` reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sockq.workers.channel_filter import ChannelFilter
from sockq.workers.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """The server's own ``webhooks.retry``; the defaults are Sockudo's.

    Attributes:
        enabled: False: one attempt, whatever comes back.
        max_attempts: Attempts in all; None: as many as fit in the time.
        max_elapsed_time_ms: No attempt begins later than this after the first.
        initial_backoff_ms: Delay before the second attempt; doubles with each.
        max_backoff_ms: Where the doubling ends.
    """

    enabled: bool = True
    max_attempts: int | None = None
    max_elapsed_time_ms: int = 300_000
    initial_backoff_ms: int = 1_000
    max_backoff_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class WebhookDefaults:
    """What holds for every webhook that does not say otherwise.

    Attributes:
        retry: The file's ``webhooks.retry``, or None when it has none: then our own schedule.
        request_timeout_ms: Bound of one exchange.
    """

    retry: RetrySettings | None = None
    request_timeout_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class FunctionTarget:
    """A Lambda function.

    Attributes:
        name: Name or ARN.
        region: Where it is called.
        waits: True: its end is waited for, and an error in it is a failure (``RequestResponse``);
            False: Lambda only takes the payload (``Event``).
        wrapped: What it gets: soketi's ``{"payload":…,"headers":{…}}``, else the body alone.
        headers: The webhook's own ones, for the wrapped form.
        endpoint_url: Instead of the region's own.
        access_key_id, secret_access_key, session_token: Instead of those of the surroundings.
        timeout_seconds: How long is waited, when ``waits``.
    """

    name: str
    region: str = "us-east-1"
    waits: bool = False
    wrapped: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    endpoint_url: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """One target of an app.

    Attributes:
        target_id: 16 hex digits; the same as long as URL, event types and filter are.
        endpoint: Where it goes; None: to ``function``.
        event_types: Names of the events it wants.
        filter: Which channels; None: all.
        retry: The server's own retry settings, or None for our schedule.
        timeout_seconds: Bound of one exchange.
        lane: Deliveries of one lane share a limit and a breaker. May hold secrets of the URL.
        function: The Lambda function when ``endpoint`` is None.
    """

    target_id: str
    endpoint: Endpoint | None
    event_types: frozenset[str]
    filter: ChannelFilter | None = None
    retry: RetrySettings | None = None
    timeout_seconds: float = 10.0
    lane: str = field(default="", repr=False)
    function: FunctionTarget | None = None

    @property
    def label(self) -> str:
        """For logs and lists: no credentials, no query."""
        if self.endpoint is not None:
            return self.endpoint.label
        return f"lambda {self.function.name}" if self.function is not None else "nowhere"


@dataclass(frozen=True, slots=True)
class App:
    """An app.

    Attributes:
        id: What jobs name.
        key: Its public key.
        secret: Signs; never printed.
        webhooks: Its targets, in the order of the record.
        by_event: Event name to the webhooks that want it, same order.
    """

    id: str
    key: str
    secret: str = field(repr=False)
    webhooks: tuple[Webhook, ...] = ()
    by_event: dict[str, tuple[Webhook, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_event: dict[str, tuple[Webhook, ...]] = {}
        for webhook in self.webhooks:
            for name in webhook.event_types:
                by_event[name] = (*by_event.get(name, ()), webhook)
        object.__setattr__(self, "by_event", by_event)


class AppReading(NamedTuple):
    """What came of reading an app's record.

    Attributes:
        app: The app; None when there are faults.
        faults: What is wrong, one line each, that names the field and shows no secret.
        warnings: The same of what works but may surprise.
    """

    app: App | None
    faults: list[str]
    warnings: list[str]
