"""The real receiver in a thread of its own, for tests that watch a fleet from outside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import msgspec

from sockq.supervisor.receiver import Received, Receiver
from sockq.supervisor.receiver_rules import Rules


class Sink:
    """A recording endpoint. ``with Sink() as sink: … sink.url … sink.received``."""

    def __init__(
        self,
        secrets: Mapping[str, str] | None = None,
        rules: Rules | None = None,
        *,
        port: int = 0,
        fresh_only: bool = True,
        heard: Callable[[Received], None] | None = None,
    ) -> None:
        self._receiver = Receiver(
            secrets, rules, port=port, keep=1_000_000, fresh_only=fresh_only, heard=heard
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._receiver.start(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._receiver.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return self._receiver.url

    @property
    def port(self) -> int:
        return self._receiver.port

    @property
    def received(self) -> list[Received]:
        """A copy of everything received so far."""
        return list(self._receiver.received)

    @property
    def count(self) -> int:
        """How many requests came."""
        return self._receiver.count

    def set_rules(self, rules: Rules) -> None:
        """Answer by other rules from now on."""
        self._loop.call_soon_threadsafe(setattr, self._receiver, "rules", rules)

    def add_secret(self, key: str, secret: str) -> None:
        """Accept one more app."""
        self._receiver.secrets[key] = secret

    def channels(self) -> set[str]:
        """Of all events received so far."""
        return {str(event["channel"]) for one in self.received for event in events(one)}

    def to(self, path: str) -> list[Received]:
        """What came to one path, query included or not."""
        return [r for r in self.received if r.target == path or r.target.partition("?")[0] == path]


def header(received: Received, name: str) -> str:
    """The only header of this name, whatever its case; fails when there are none or several."""
    (value,) = [v for k, v in received.headers if k.lower() == name.lower()]
    return value


class _Body(msgspec.Struct):
    time_ms: int
    events: list[dict[str, object]]


def events(received: Received) -> list[dict[str, object]]:
    """The events of a received body."""
    return msgspec.json.decode(received.body, type=_Body).events
