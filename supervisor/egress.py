"""Whether it is this machine that cannot reach anybody: the endpoints' last failures. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from sockq.workers.endpoint_stats import EndpointRow
from sockq.workers.outcome import Fault

#: An endpoint counts that was tried so lately: an open breaker tries at least as often.
TRIED_SECONDS: Final = 300.0
#: Fewer hosts may be down by themselves at the same time.
LEAST_HOSTS: Final = 3
#: What an exchange ends with before the other side has a part in it.
_OURS: Final = frozenset({Fault.DNS.value, Fault.CONNECT.value, Fault.PROXY.value})


def no_way_out(rows: Iterable[EndpointRow], now: float) -> str | None:
    """Say that nobody can be reached.

    Args:
        rows: The fleet's endpoints.
        now: Unix time.

    Returns:
        One line, when every endpoint that was tried lately fails before it is reached, and these
        are of several hosts; else None.
    """
    since_ms = (now - TRIED_SECONDS) * 1000
    tried = [row for row in rows if max(row.last_failure_ms, row.last_success_ms) > since_ms]
    if any(row.last_success_ms >= row.last_failure_ms or row.last not in _OURS for row in tried):
        return None
    if len({urlsplit(row.label).hostname for row in tried}) < LEAST_HOSTS:
        return None
    how = ", ".join(sorted({row.last for row in tried}))
    return (
        f"none of {len(tried)} endpoints can be reached ({how}): "
        "look at this machine's network, resolver or proxy"
    )
