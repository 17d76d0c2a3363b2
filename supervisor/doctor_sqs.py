"""Rules about an SQS queue. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sockq.drivers.sqs_inspect import SqsFacts
from sockq.supervisor.doctor_finding import Finding, fine, problem, warning

_ABOUT: Final = "sqs"
_DAY_SECONDS: Final = 86_400
#: About as many receives as a job's retries and a few interruptions take.
_ENOUGH_RECEIVES: Final = 50


def sqs_findings(
    facts: SqsFacts, *, request_seconds: float, group: str | None, of_soketi: bool
) -> Iterator[Finding]:
    """Everything about the queue.

    Args:
        facts: Of it.
        request_seconds: The longest that one request may take.
        group: ``queue.sqs.message_group_id``, of a Sockudo configuration.
        of_soketi: Whether soketi servers write it.
    """
    if facts.missing:
        yield warning(
            _ABOUT, facts.failure, "sockq creates it when it starts; until then servers cannot"
            " enqueue", f"aws sqs create-queue --queue-name {facts.name}",
        )  # fmt: skip
        return
    if facts.failure:
        means = "it answers, and nothing can be delivered" if facts.refused else "nothing works"
        change = "correct region, endpoint and credentials (QUEUE_SQS_*, AWS_*)"
        yield problem(_ABOUT, facts.failure, means, change)
        return
    at = f"queue {facts.name}"
    yield fine(_ABOUT, f"{at} of {facts.where} answers")
    hidden = facts.visibility_seconds
    if hidden is not None and hidden <= request_seconds:
        yield warning(
            _ABOUT,
            f"{at}: its visibility timeout is {hidden} s and a request may take"
            f" {request_seconds:g} s",
            "sockq extends its own messages, but a server that still reads this queue gets them a"
            " second time while it sends the first",
            f"VisibilityTimeout {int(request_seconds) + 20} (set-queue-attributes)",
        )
    if facts.most_receives is not None and facts.most_receives < _ENOUGH_RECEIVES:
        yield warning(
            _ABOUT,
            f"{at}: its redrive policy moves a message away after {facts.most_receives} receives",
            "SQS takes jobs from sockq before its retries are over, without a reason; sockq keeps"
            " its dead letters in a queue of its own",
            f"remove RedrivePolicy, or maxReceiveCount {_ENOUGH_RECEIVES} or more",
        )
    if facts.retention_seconds is not None and facts.retention_seconds < _DAY_SECONDS:
        yield warning(
            _ABOUT,
            f"{at}: it keeps messages for {facts.retention_seconds} s",
            "in a longer outage SQS deletes jobs",
            f"MessageRetentionPeriod {4 * _DAY_SECONDS}",
        )
    if facts.fifo:
        yield from _fifo(facts, at, group, of_soketi=of_soketi)


def _fifo(facts: SqsFacts, at: str, group: str | None, *, of_soketi: bool) -> Iterator[Finding]:
    if group is not None and not of_soketi:
        yield warning(
            _ABOUT,
            f'{at} is FIFO, and all jobs are of one message group ("{group}")',
            "SQS holds all of them back while one waits for its retry",
            "a standard queue: queue.sqs.fifo = false for servers and sockq",
        )
    if not facts.deduplicates and not of_soketi:
        yield warning(
            _ABOUT,
            f"{at} does not deduplicate by content",
            "a producer that sends no deduplication id is refused",
            "ContentBasedDeduplication true (set-queue-attributes)",
        )
