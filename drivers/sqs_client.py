"""boto3's SQS client in threads: every call ends in an answer or in one of our errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from botocore.config import Config

from sockq.drivers.errors import BackendUnavailable, SockqError
from sockq.drivers.settings import SqsSettings
from sockq.drivers.sqs_errors import SqsRefused, passing, translate
from sockq.drivers.sqs_message import size_bytes
from sockq.drivers.sqs_names import service
from sockq.drivers.sqs_session import make_session

#: Entries of one batch call, and messages of one receive: SQS' limit.
BATCH: Final = 10
#: Receives that wait at the service at the same time.
RECEIVERS: Final = 8
_CALLERS: Final = 8
#: Tries for entries of a batch that fail on the service's side, and the first pause between them.
_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.1


class Fault:
    """An entry of a batch that was refused, its sender being at fault."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message


#: What became of one entry: the service's answer, a refusal, or an error of ours for its call.
Outcome = dict[str, Any] | Fault | SockqError


class SqsClient:
    """One client for a process.

    Args:
        settings: Where the service is, and how long to wait for it.
    """

    def __init__(self, settings: SqsSettings) -> None:
        self._settings = settings
        self._sdk: Any = None
        self.closed = False
        self.where = service(settings)
        self._receivers = ThreadPoolExecutor(RECEIVERS, thread_name_prefix="sqs-receive")
        self._callers = ThreadPoolExecutor(_CALLERS, thread_name_prefix="sqs")

    async def open(self) -> None:
        """Make boto3's client; nothing is sent yet.

        Raises:
            BackendRefused: the endpoint or the profile cannot be used.
        """
        await self._in_thread(self._make)

    def _make(self) -> None:
        settings = self._settings
        waits = settings.response_timeout_seconds + settings.wait_time_seconds
        config = Config(
            connect_timeout=settings.connect_timeout_seconds,
            read_timeout=waits,
            # The second try is for a kept connection that the service had closed meanwhile.
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=RECEIVERS + _CALLERS,
            tcp_keepalive=True,
        )
        try:
            self._sdk = make_session().client(
                "sqs",
                region_name=settings.region,
                endpoint_url=settings.endpoint_url,
                config=config,
            )
        except Exception as error:
            if isinstance(error, ValueError):  # its text repeats the endpoint, credentials included
                text = f"{self.where}: the endpoint is no URL; correct queue.sqs.endpoint_url"
                raise SqsRefused(text) from None
            raise translate(error, self.where, "opening") from None

    def close(self) -> None:
        """Start nothing new. Calls under way end by themselves, in their threads."""
        self.closed = True
        self._receivers.shutdown(wait=False)
        self._callers.shutdown(wait=False, cancel_futures=True)
        if self._sdk is not None:
            self._sdk.close()

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Make one call, named as boto3 names it: ``get_queue_url``."""
        answer: dict[str, Any] = await self._in_thread(self.call_now, operation, parameters)
        return answer

    def receive(self, parameters: dict[str, Any]) -> Future[dict[str, Any]]:
        """Start a receive, which may wait at the service."""
        self._refuse_closed()
        return self._receivers.submit(self.call_now, "receive_message", parameters)

    def later(self, function: Callable[..., object], *arguments: object) -> None:
        """Run something in a thread that nobody waits for; not after ``close``."""
        with contextlib.suppress(RuntimeError):
            self._callers.submit(function, *arguments)

    def call_now(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Make one call in this thread. Works on a closed client, for what must still go back."""
        try:
            answer: dict[str, Any] = getattr(self._sdk, operation)(**parameters)
        except Exception as error:
            url = str(parameters.get("QueueUrl") or parameters.get("QueueName") or "")
            name = url.rpartition("/")[2]
            doing = "".join(part.capitalize() for part in operation.split("_"))
            raise translate(error, self.where, f"{doing} of {name}") from None
        return answer

    async def batch(
        self,
        operation: str,
        url: str,
        entries: Sequence[dict[str, Any]],
        *,
        most_bytes: int = 0,
        in_order: bool = False,
    ) -> list[Outcome]:
        """Make as many batch calls as it takes.

        Args:
            operation: ``delete_message_batch``, …
            url: Of the queue.
            entries: Without their ids.
            most_bytes: Most that one call may carry; 0: no limit.
            in_order: One call after the other, none after one that failed.

        Returns:
            What became of each entry. Nothing is raised, so what took effect stays known.
        """
        outcomes: list[Outcome] = [BackendUnavailable(f"{self.where}: not sent")] * len(entries)
        chunks = list(_chunks(entries, most_bytes))

        async def run(indexes: range) -> bool:
            found = await self._chunk(operation, url, [entries[i] for i in indexes])
            outcomes[indexes.start : indexes.stop] = found
            return not any(isinstance(outcome, SockqError) for outcome in found)

        if in_order:
            for indexes in chunks:
                if not await run(indexes):
                    break
        else:
            await asyncio.gather(*map(run, chunks))
        return outcomes

    async def _chunk(
        self, operation: str, url: str, entries: Sequence[dict[str, Any]]
    ) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        for tries in range(_TRIES):
            left = [
                i for i in range(len(entries)) if isinstance(outcomes.get(i), SockqError | None)
            ]
            if not left:
                break
            if tries:
                await asyncio.sleep(_PAUSE_SECONDS * 2.0**tries)
            numbered = [{**entries[i], "Id": str(i)} for i in left]
            try:
                answer = await self.call(operation, QueueUrl=url, Entries=numbered)
            except SockqError as error:
                outcomes.update(dict.fromkeys(left, error))
                break
            outcomes.update(_read(answer, self.where))
        lost = BackendUnavailable(f"{self.where} left out the result of an entry")
        return [outcomes.get(i, lost) for i in range(len(entries))]

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        self._refuse_closed()
        try:
            future = self._callers.submit(function, *arguments)
        except RuntimeError:
            self._refuse_closed()
            raise
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if self.closed and not _cancelling():
                self._refuse_closed()
            raise

    def _refuse_closed(self) -> None:
        if self.closed:
            raise BackendUnavailable(f"{self.where}: this driver is closed")


def give_back(client: SqsClient, url: str, handles: Sequence[str]) -> None:
    """Make messages visible again, in this thread; what fails comes back when its time is over."""
    for first in range(0, len(handles), BATCH):
        entries = [
            {"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for i, handle in enumerate(handles[first : first + BATCH])
        ]
        with contextlib.suppress(SockqError):
            client.call_now(
                "change_message_visibility_batch", {"QueueUrl": url, "Entries": entries}
            )


def _read(answer: dict[str, Any], where: str) -> Iterator[tuple[int, Outcome]]:
    for good in answer.get("Successful", ()):
        yield int(good["Id"]), good
    for bad in answer.get("Failed", ()):
        code, message = str(bad.get("Code", "")), str(bad.get("Message", ""))
        if passing(code, sender_fault=bool(bad.get("SenderFault"))):
            yield int(bad["Id"]), BackendUnavailable(f"{where} is not ready: {code}")
        else:
            yield int(bad["Id"]), Fault(code, " ".join(message.split()))


def _chunks(entries: Sequence[dict[str, Any]], most_bytes: int) -> Iterator[range]:
    first = size = 0
    for index, entry in enumerate(entries):
        more = size_bytes(entry) if most_bytes else 0
        if index - first == BATCH or (index > first and size + more > (most_bytes or 0)):
            yield range(first, index)
            first, size = index, 0
        size += more
    if entries:
        yield range(first, len(entries))


def _cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
