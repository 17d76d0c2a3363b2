"""Looks whether endpoints can be reached, without sending them anything: name, TCP, TLS."""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sockq.workers.connect import Connected, ConnectFailure, connect, default_tls
from sockq.workers.endpoint import Endpoint
from sockq.workers.outcome import Fault
from sockq.workers.proxy import Proxies
from sockq.workers.threads import Threads

_THREADS: Final = 16
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class EndpointCheck:
    """What came of one.

    Attributes:
        where: ``https://host:port``.
        seconds: Until it was connected, TLS included.
        fault: Why it was not; None: it was.
        detail: One line more.
        days: Until its certificate ends; None: there is none, or a proxy stands before it.
    """

    where: str
    seconds: float = 0.0
    fault: Fault | None = None
    detail: str = ""
    days: float | None = None


def check_endpoints(
    endpoints: Iterable[Endpoint], bound_seconds: float = 3.0, tls: ssl.SSLContext | None = None
) -> list[EndpointCheck]:
    """Connect to each server once, close again.

    Args:
        endpoints: Those on the same host and port are tried once.
        bound_seconds: For each; all of them take no longer than a few times that.
        tls: By default the system's certificates, names checked, TLS 1.2 or newer.
    """
    servers = {f"{one.scheme}://{one.host}:{one.port}": one for one in endpoints}
    context = tls or default_tls()
    proxies = Proxies()
    done: queue.SimpleQueue[EndpointCheck] = queue.SimpleQueue()
    threads = Threads(_THREADS, "sockq-check")
    for where, endpoint in servers.items():
        threads.do(_Task(where, endpoint, bound_seconds, context, proxies, done))
    rounds = 1 + (len(servers) - 1) // _THREADS if servers else 0
    deadline = time.monotonic() + bound_seconds * rounds * 2
    found: dict[str, EndpointCheck] = {}
    while len(found) < len(servers):
        try:
            one = done.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[one.where] = one
    threads.close()
    late = "no answer in time"
    return [found.get(where) or EndpointCheck(where, fault=Fault.TIMEOUT, detail=late)
            for where in servers]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Task:
    where: str
    endpoint: Endpoint
    bound_seconds: float
    context: ssl.SSLContext
    proxies: Proxies
    done: queue.SimpleQueue[EndpointCheck]

    def __call__(self) -> None:
        found = connect(self.endpoint, self.bound_seconds, self.proxies, self.context)
        self.done.put(_judge(self.where, found))


def _judge(where: str, found: Connected | ConnectFailure) -> EndpointCheck:
    if isinstance(found, ConnectFailure):
        return EndpointCheck(where, fault=found.fault, detail=found.detail)
    with found.sock:
        return EndpointCheck(where, found.seconds, days=_days(found))


def _days(found: Connected) -> float | None:
    sock = found.sock
    certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    ends = certificate.get("notAfter") if certificate else None
    if not isinstance(ends, str):
        return None
    return (ssl.cert_time_to_seconds(ends) - time.time()) / _DAY_SECONDS
