"""Who gets what of a job: one body for each webhook that wants any of its events."""

from __future__ import annotations

import msgspec

from sockq.workers.apps import App, Webhook
from sockq.workers.webhook_job import WebhookJob


class Planned(msgspec.Struct, frozen=True, gc=False):
    """One delivery.

    Attributes:
        webhook: To whom. Its ``endpoint`` may be None: a Lambda function.
        body: What is sent and signed, byte for byte.
    """

    webhook: Webhook
    body: bytes


def plan(job: WebhookJob, app: App, owed: frozenset[str] | None) -> list[Planned]:
    """Select and cut, as Sockudo does; two webhooks with the same URL are both honoured.

    Args:
        job: The job.
        app: Its app.
        owed: On a retry, the ids of the targets that have not got it yet; None: all.

    Returns:
        The deliveries in the order of the webhooks; none when nobody wants anything. Webhooks that
        get the same events share one body object. Bodies are cut from the job's own bytes:
        ``{"time_ms":N,"events":[…]}``, or the payload as it stands where the dialect keeps it.
    """
    heads = job.heads
    if len(heads) != 1:
        return _plan_several(job, app, owed)
    head = heads[0]
    interested = app.by_event.get(head.name)  # type: ignore[arg-type]  # None is in no dict of names
    if not interested:
        return []
    body = None
    planned = []
    for webhook in interested:
        if (webhook.filter is None or webhook.filter.matches(head.channel)) and (
            owed is None or webhook.target_id in owed
        ):
            if body is None:
                body = job.whole or b'{"time_ms":%d,"events":[%b]}' % (job.time_ms, job.events[0])
            planned.append(Planned(webhook, body))
    return planned


def _plan_several(job: WebhookJob, app: App, owed: frozenset[str] | None) -> list[Planned]:
    bodies: dict[tuple[int, ...], bytes] = {}
    planned = []
    for webhook in app.webhooks:
        if owed is not None and webhook.target_id not in owed:
            continue
        chosen = _wanted(job, webhook)
        if not chosen:
            continue
        body = bodies.get(chosen)
        if body is None:
            body = bodies[chosen] = _body(job, chosen)
        planned.append(Planned(webhook, body))
    return planned


def _wanted(job: WebhookJob, webhook: Webhook) -> tuple[int, ...]:
    names, channels = webhook.event_types, webhook.filter
    return tuple(
        index
        for index, head in enumerate(job.heads)
        if head.name in names and (channels is None or channels.matches(head.channel))
    )


def _body(job: WebhookJob, chosen: tuple[int, ...]) -> bytes:
    if len(chosen) == len(job.events) and job.whole is not None:
        return job.whole
    events = b",".join([job.events[index] for index in chosen])
    return b'{"time_ms":%d,"events":[%b]}' % (job.time_ms, events)
