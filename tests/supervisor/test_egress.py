"""When it is this machine that reaches nobody: by a table of what was seen of endpoints."""

from __future__ import annotations

import pytest

from sockq.supervisor.egress import TRIED_SECONDS, no_way_out
from sockq.workers.endpoint_stats import EndpointRow

NOW = 1_800_000_000.0
LONG_AGO = TRIED_SECONDS + 1


def row(
    host: str, last: str, *, failed: float | None = 5.0, ok: float | None = None
) -> EndpointRow:
    """An endpoint that failed and succeeded so many seconds ago."""
    return EndpointRow(
        f"app/{host}",
        "app",
        f"https://{host}/in",
        last=last,
        last_failure_ms=0 if failed is None else int((NOW - failed) * 1000),
        last_success_ms=0 if ok is None else int((NOW - ok) * 1000),
    )


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([], None),
        ([row("a", "dns"), row("b", "dns")], None),
        ([row("a", "dns"), row("b", "dns"), row("c", "dns")], "3 endpoints can be reached (dns)"),
        (
            [row("a", "dns"), row("b", "connect", ok=9.0), row("c", "proxy")],
            "(connect, dns, proxy)",
        ),
        ([row("a", "connect")] * 9, None),
        ([row("a", "dns"), row("b", "dns"), row("c", "status 503")], None),
        ([row("a", "dns"), row("b", "dns"), row("c", "timeout")], None),
        ([row("a", "dns"), row("b", "dns"), row("c", "dns", ok=1.0)], None),
        ([row(h, "dns") for h in "abc"] + [row("d", "", failed=None, ok=9.0)], None),
        ([row(h, "dns") for h in "abc"] + [row("d", "", failed=None, ok=LONG_AGO)], "none of 3"),
        ([row(h, "dns", failed=LONG_AGO) for h in "abc"], None),
    ],
)
def test_nobody_is_reached(rows: list[EndpointRow], wanted: str | None) -> None:
    told = no_way_out(rows, NOW)
    assert (told is None) if wanted is None else (told is not None and wanted in told)
