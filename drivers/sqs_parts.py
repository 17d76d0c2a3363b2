"""What the verbs of one SQS queue share."""

from __future__ import annotations

from dataclasses import dataclass

from sockq.drivers.sqs_book import Book
from sockq.drivers.sqs_client import SqsClient
from sockq.drivers.sqs_lanes import Lanes
from sockq.drivers.sqs_queues import Queues
from sockq.drivers.sqs_records import Records


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each for a source.

    Attributes:
        client: Open.
        queues: Open.
        book: Who holds what.
        records: What is known beside messages.
        lanes: Order of a FIFO queue.
    """

    client: SqsClient
    queues: Queues
    book: Book
    records: Records
    lanes: Lanes
