"""Keeps what a receive has brought for the length of a lease, once it is here.

One ``ChangeMessageVisibilityBatch`` a receive: with the receive and the deletion three calls for
ten messages, where there were two.
"""

from __future__ import annotations

import time
from typing import Final

from sockq.drivers.sqs_client import SqsClient
from sockq.drivers.sqs_message import Message

#: How long a receive hides messages. What was given to a client that is gone is back after it; an
#: answer that takes longer to come is not worked on.
RECEIVED_SECONDS: Final = 5


def keep(
    client: SqsClient, url: str, messages: list[Message], visibility: int
) -> tuple[list[Message], list[Message]]:
    """Hide messages for longer, in this thread.

    Args:
        client: Open.
        url: Of the queue.
        messages: Of one receive, in its order.
        visibility: Seconds from now.

    Returns:
        Those that are ours for so long, and those that are not: refused, or behind a refused one of
        their message group.

    Raises:
        SockqError: SQS did not answer or refuses the call.
    """
    entries = [
        {"Id": str(i), "ReceiptHandle": message.handle, "VisibilityTimeout": visibility}
        for i, message in enumerate(messages)
    ]
    deadline = time.monotonic() + visibility
    answer = client.call_now(
        "change_message_visibility_batch", {"QueueUrl": url, "Entries": entries}
    )
    hidden = {str(good["Id"]) for good in answer.get("Successful", ())}
    kept: list[Message] = []
    lost: list[Message] = []
    broken: set[str] = set()
    for i, message in enumerate(messages):
        if str(i) in hidden and message.group not in broken:
            message.deadline = deadline
            kept.append(message)
        else:
            lost.append(message)
            if message.group is not None:
                broken.add(message.group)
    return kept, lost
