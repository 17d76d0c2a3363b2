"""What one POST costs without any queue: the delivery engine against stock urllib3.

``python tests/benchmarks/bare_engine.py [URL]`` prints both; without a URL a private nginx answers.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import urllib3

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sockq.workers.endpoint import Endpoint, make_endpoint
from sockq.workers.engine import Engine
from sockq.workers.outcome import Outcome
from sockq.workers.request import Request
from sockq.workers.settings import EngineSettings
from sockq.workers.signing import signer_for

SIGNER: Final = signer_for("app-secret")
BODY: Final = (
    b'{"time_ms":1700000000000,"events":[{"name":"client_event","channel":"private-room",'
    b'"event":"client-message","socket_id":"1234.5678","data":"%b"}]}' % (b"x" * 150)
)
TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class CpuResult:
    """One run.

    Attributes:
        requests: How many were answered with 2xx.
        cpu_seconds: Processor time of this process.
        wall_seconds: As the clock on the wall has it.
    """

    requests: int
    cpu_seconds: float
    wall_seconds: float

    @property
    def micros(self) -> float:
        """Processor time of one request, in microseconds."""
        return self.cpu_seconds / self.requests * 1e6


class _Post(Request):
    """One signed request; its end begins the next."""

    __slots__ = ("_run",)

    def __init__(self, run: _Run, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.lane = f"bench {endpoint.label}"
        self.timeout_seconds = TIMEOUT_SECONDS
        self._run = run

    def wire_bytes(self) -> bytes:
        head = self.endpoint.static_head
        signature = SIGNER.sign(BODY)
        return (
            b"%bX-Pusher-Key: app-key\r\nX-Pusher-Signature: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (head, signature, len(BODY), BODY)
        )

    def done(self, outcome: Outcome) -> None:
        run = self._run
        if not outcome.delivered:
            run.fail(outcome)
            return
        run.answered += 1
        if run.left:
            run.left -= 1
            run.engine.submit(_Post(run, self.endpoint))
        elif run.answered == run.wanted:
            run.over.set_result(None)


class _Run:
    """Counters of one run."""

    def __init__(self, engine: Engine, wanted: int) -> None:
        self.engine = engine
        self.wanted = wanted
        self.left = wanted
        self.answered = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, outcome: Outcome) -> None:
        if not self.over.done():
            self.over.set_exception(RuntimeError(f"not delivered: {outcome}"))


def engine_loop(url: str, n: int, concurrency: int) -> CpuResult:
    """Send ``n`` requests with ``concurrency`` in flight through a bare engine.

    Args:
        url: A fast endpoint that answers 2xx.
        n: Requests that are measured; connections are open before.
        concurrency: Exchanges at once.

    Raises:
        RuntimeError: One was not delivered.
    """
    return asyncio.run(_engine_loop(url, n, concurrency))


async def _engine_loop(url: str, n: int, concurrency: int) -> CpuResult:
    settings = EngineSettings(endpoint_in_flight=concurrency)
    engine = Engine(settings, asyncio.get_running_loop(), idle_limit=2 * concurrency)
    endpoint = make_endpoint(url, {})
    try:
        await _send(engine, endpoint, 20 * concurrency, concurrency)
        wall, cpu = time.monotonic(), time.process_time()
        await _send(engine, endpoint, n, concurrency)
        return CpuResult(n, time.process_time() - cpu, time.monotonic() - wall)
    finally:
        await engine.close()


async def _send(engine: Engine, endpoint: Endpoint, n: int, concurrency: int) -> None:
    run = _Run(engine, n)
    first = min(n, concurrency)
    run.left -= first
    for _ in range(first):
        engine.submit(_Post(run, endpoint))
    await run.over


def urllib3_loop(url: str, n: int) -> CpuResult:
    """Send ``n`` requests one after another with stock, blocking urllib3, tuned as far as it goes.

    Args:
        url: A fast endpoint that answers 2xx.
        n: Requests that are measured.

    Raises:
        RuntimeError: One was not delivered.
    """
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    kind = urllib3.HTTPSConnectionPool if parts.scheme == "https" else urllib3.HTTPConnectionPool
    timeout = urllib3.Timeout(connect=TIMEOUT_SECONDS, read=TIMEOUT_SECONDS)
    with kind(parts.hostname or "", parts.port, timeout=timeout) as pool:
        for _ in range(min(n, 100)):
            _urlopen(pool, target)
        wall, cpu = time.monotonic(), time.process_time()
        for _ in range(n):
            _urlopen(pool, target)
        return CpuResult(n, time.process_time() - cpu, time.monotonic() - wall)


def _urlopen(pool: urllib3.HTTPConnectionPool, target: str) -> None:
    headers = {
        "Content-Type": "application/json",
        "Accept": "*/*",
        "User-Agent": "sockq",
        "X-Pusher-Key": "app-key",
        "X-Pusher-Signature": SIGNER.sign(BODY).decode(),
    }
    answer = pool.urlopen("POST", target, body=BODY, headers=headers, retries=False, redirect=False)
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"not delivered: status {answer.status}")


def main() -> None:
    """Print microseconds a request, and how many times less the engine takes."""
    if len(sys.argv) > 1:
        _compare(sys.argv[1])
    else:
        from support.nginx import Nginx  # noqa: PLC0415 - needs the tests' libraries

        with Nginx() as sink:
            _compare(sink.url)


def _compare(url: str) -> None:
    stock = urllib3_loop(url, 5_000)
    print(f"urllib3, blocking        {stock.micros:7.1f} us CPU a request")
    for concurrency in (16, 64, 256):
        ours = engine_loop(url, 50_000, concurrency)
        print(
            f"engine, {concurrency:3d} in flight    {ours.micros:7.1f} us CPU a request"
            f"   {stock.micros / ours.micros:5.1f} times less"
            f"   {ours.requests / ours.wall_seconds:9,.0f} requests/s"
        )


if __name__ == "__main__":
    main()
