"""A dead letter as an operator looks at it: what its bytes and its state say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sockq.drivers.source import DeadLetter, Dialect
from sockq.workers.apps import App, Webhook
from sockq.workers.dialect import parse
from sockq.workers.target_state import JobState, TargetState, decode
from sockq.workers.webhook_job import Invalid, WebhookJob

#: What differs between reasons of one kind: numbers of tries, names in quotes.
_PARTICULAR: Final = re.compile(r"\s*\([^)]*\)|\s*'[^']*'|\s*\"[^\"]*\"")
_ATTEMPTS: Final = re.compile(r"\b\d+ (attempts?|tries|s\b)")


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.

    Attributes:
        source: Name of its queue.
        stored: As the queue has it.
        app_id: The job's; empty where it cannot be read.
        app_key: The same.
        events: Names of its events.
        channels: Their channels.
        time_ms: When the webhook was made, unix milliseconds; 0: not known.
        state: Its targets; None: the state cannot be read.
        job: The job; None: it cannot be read.
    """

    source: str
    stored: DeadLetter
    app_id: str
    app_key: str
    events: tuple[str, ...]
    channels: tuple[str, ...]
    time_ms: int
    state: JobState | None
    job: WebhookJob | None

    @property
    def kind(self) -> str:
        """The class of its reason: what stands before the colon, without particulars."""
        head = _PARTICULAR.sub("", self.stored.reason.split(": ", 1)[0])
        return _ATTEMPTS.sub(r"N \1", head).strip() or "no reason given"


@dataclass(frozen=True, slots=True)
class Target:
    """A target that a letter still owes.

    Attributes:
        id: Of the webhook, 16 hex digits.
        label: Its URL without credentials and query; empty: no such webhook is configured.
        state: Of its tries; the last error is its ``reason``.
    """

    id: str
    label: str
    state: TargetState


def read_letter(source: str, dialect: Dialect, stored: DeadLetter) -> Letter:
    """Read what a queue has kept. Whatever the bytes are, there is something to show."""
    job = parse(stored.payload, dialect)
    try:
        state: JobState | None = decode(stored.state)
    except ValueError:
        state = None
    if isinstance(job, Invalid):
        return Letter(source, stored, "", "", (), (), 0, state, None)
    return Letter(
        source,
        stored,
        job.app_id,
        job.app_key,
        tuple(head.name or "?" for head in job.heads),
        tuple(head.channel for head in job.heads),
        job.time_ms,
        state,
        job,
    )


def targets(letter: Letter, app: App | None) -> list[Target]:
    """The targets that a replay would send to.

    Args:
        letter: The dead letter.
        app: Its app; None: not known here.
    """
    webhooks = {webhook.target_id: webhook for webhook in app.webhooks} if app else {}
    if letter.state is None:
        return []
    if letter.state.fresh:
        wanted = [w for w in webhooks.values() if w.event_types.intersection(letter.events)]
        return [Target(w.target_id, w.label, TargetState()) for w in wanted]
    return [
        Target(id_, webhooks[id_].label if id_ in webhooks else "", state)
        for id_, state in letter.state.targets.items()
    ]


def names_of(target_id: str, app: App | None) -> Iterator[str]:
    """What a target may be called by: its id, its URL shown or in full. Not for showing."""
    yield target_id
    found: Webhook | None = next(
        (one for one in app.webhooks if one.target_id == target_id) if app else iter(()), None
    )
    if found is not None:
        yield found.label
        if found.endpoint is not None:
            yield found.endpoint.url_key.partition("?")[0]
