"""The rules of ``sockq doctor`` about what endpoints answered the running fleet, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sockq.supervisor.doctor_finding import Finding, Level
from sockq.supervisor.doctor_fleet import fleet_findings
from sockq.supervisor.endpoint_view import told
from sockq.supervisor.status_document import absent_document, read_status
from sockq.supervisor.status_words import Condition
from sockq.workers.endpoint_stats import OTHER, EndpointRow

HOOK = "https://hooks.example.com/in"
REDIRECT = f"{HOOK} answered 2 of 6 requests with a redirect"
BREAKER = f"the breaker of {HOOK} is open"
DISABLED = f"{HOOK} of app a is disabled"
NONE = f"{HOOK} took none of 6 requests"


def row(number: int = 1, *, app: str = "a", label: str = HOOK, **more: Any) -> EndpointRow:
    """An endpoint with six exchanges, all successes unless said otherwise."""
    one = EndpointRow(f"{app}/{number:08x}", app, label, **more)
    one.buckets[0] = 6
    return one


def found(*rows: EndpointRow, configured: set[str] | None = None) -> list[Finding]:
    each = [*fleet_findings({"endpoints": [told(one) for one in rows]}, configured)]
    assert all(one.what and one.means and one.change for one in each if one.level > Level.OK)
    return each


def warnings(*rows: EndpointRow, configured: set[str] | None = None) -> list[Finding]:
    return [one for one in found(*rows, configured=configured) if one.level is Level.WARNING]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"failed": 5, "classes": {"5xx": 5}}, []),
        ({"failed": 2, "classes": {"3xx": 2}}, [REDIRECT]),
        ({"failed": 6, "classes": {"3xx": 2, "5xx": 4}}, [REDIRECT]),
        ({"failed": 6, "classes": {"404": 6}}, [NONE]),
        ({"failed": 6, "classes": {"timeout": 6}, "state": "half-open"}, [NONE]),
        ({"failed": 6, "classes": {"timeout": 6}, "state": "open"}, [BREAKER]),
        ({"failed": 5, "classes": {"timeout": 5}, "state": "open"}, [BREAKER]),
        ({"failed": 6, "classes": {"3xx": 2, "5xx": 4}, "state": "open"}, [REDIRECT, BREAKER]),
        ({"failed": 1, "classes": {"429": 1}, "state": "paused", "shut_seconds": 9.0}, []),
        ({"failed": 6, "classes": {"timeout": 6}, "state": "disabled"}, [DISABLED]),
    ],
)
def test_an_endpoint(more: dict[str, Any], expected: list[str]) -> None:
    each = warnings(row(**more))
    assert [one.what[: len(text)] for one, text in zip(each, expected, strict=True)] == expected


def test_a_redirect_says_what_comes_of_it_and_which_line_to_change() -> None:
    (one,) = warnings(row(failed=2, classes={"3xx": 2}, last="status 301"))
    assert one.about == "endpoint"
    assert one.what == f"{REDIRECT}; the last failure: status 301"
    assert one.means == "redirects are not followed, so its webhooks end as dead letters"
    assert one.change.startswith(f"the url of the webhook {HOOK} in the record of app a: ")


def test_an_open_breaker_says_for_how_long_and_why() -> None:
    failing = row(failed=5, state="open", shut_seconds=41.2, failures_in_a_row=5, last="timeout")
    (one,) = warnings(failing)
    assert one.what == f"{BREAKER} for 41 s more: 5 failures in a row; the last failure: timeout"


def test_an_endpoint_that_was_sent_nothing_is_not_judged() -> None:
    assert found(EndpointRow("a/1", "a", HOOK)) == []


def test_counters_of_a_url_that_was_corrected_are_not_judged() -> None:
    old, new = row(1, failed=6, classes={"3xx": 6}), row(2)
    (one,) = found(old, new, configured={new.id})
    assert (one.level, one.what) == (
        Level.OK, "1 of 1 endpoints of the running fleet take webhooks"
    )  # fmt: skip


def test_the_row_of_all_others_belongs_to_no_app() -> None:
    other = EndpointRow(OTHER, "", "other endpoints", failed=1, classes={"3xx": 1})
    other.buckets[0] = 9
    (one,) = warnings(other)
    assert one.what == "other endpoints answered 1 of 9 requests with a redirect"
    assert "of app " not in one.change


def test_many_are_told_as_a_number() -> None:
    each = warnings(*(row(n, label=f"{HOOK}/{n}", failed=6) for n in range(25)))
    assert len(each) == 21
    assert each[-1].what == "5 more endpoints of the running fleet redirect or fail"


def test_without_a_fleet_nothing_is_found(tmp_path: Path) -> None:
    assert [*fleet_findings(read_status(tmp_path / "none"))] == []
    assert [*fleet_findings(absent_document(tmp_path, Condition.UNKNOWN, "why"))] == []
