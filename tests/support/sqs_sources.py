"""Open SQS queues in tests, claim from them, watch their calls and make some of them fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from support.sqs_server import SqsServer
from support.until import async_until

from sockq.drivers.job import Lease
from sockq.drivers.settings import LeaseSettings, SqsSettings
from sockq.drivers.source import Source
from sockq.drivers.sqs import SqsDriver, SqsSource
from sockq.drivers.sqs_client import SqsClient

__all__ = ["CallLog", "OpenQueue", "claim", "sqs_calls", "sqs_open"]

Parameters = dict[str, Any]


class OpenQueue(Protocol):
    """Opens the test's queue with these settings and returns its source; closed at teardown."""

    async def __call__(self, *, lease_seconds: float = 30.0, **settings: Any) -> SqsSource: ...


@pytest.fixture
async def sqs_open(
    sqs_server: SqsServer, sqs_queue: str, tmp_path: Path
) -> AsyncIterator[OpenQueue]:
    drivers: list[SqsDriver] = []

    async def make(*, lease_seconds: float = 30.0, **settings: Any) -> SqsSource:
        given: dict[str, Any] = {
            "endpoint_url": sqs_server.url,
            "queue": sqs_queue,
            "wait_time_seconds": 1,
            "journal": tmp_path / "journal",
            "lease": LeaseSettings(lease_seconds),
        }
        driver = SqsDriver(SqsSettings(**(given | settings)))
        drivers.append(driver)
        await driver.open()
        (source,) = driver.sources
        assert isinstance(source, SqsSource)
        return source

    yield make
    for driver in drivers:
        await driver.close()


async def claim(source: Source, count: int, owner: str = "owner-1") -> list[Lease]:
    """Claim until there are ``count``, ten seconds at most."""
    taken: list[Lease] = []

    async def enough() -> bool:
        taken.extend(await source.claim(count - len(taken), 0.2, owner))
        return len(taken) >= count

    await async_until(enough, 10.0)
    return taken


class CallLog:
    """Every call of this process in order; ``disturb`` may answer one in the service's place."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Parameters]] = []
        self.disturb: Callable[[str, Parameters], Parameters | None] = lambda *_: None

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def count(self, name: str) -> int:
        return self.names().count(name)


@pytest.fixture
def sqs_calls(monkeypatch: pytest.MonkeyPatch) -> CallLog:
    """Watch the calls of every driver of the test."""
    log = CallLog()
    call = SqsClient.call_now

    def watched(self: SqsClient, operation: str, parameters: Parameters) -> Parameters:
        log.calls.append((operation, parameters))
        answer = log.disturb(operation, parameters)
        return call(self, operation, parameters) if answer is None else answer

    monkeypatch.setattr(SqsClient, "call_now", watched)
    return log
