"""Rules about what the running fleet's endpoints answered so far. Pure: nothing is sent."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Final

from sockq.supervisor.doctor_finding import Finding, fine, warning
from sockq.workers.endpoint_state import EndpointState

_ABOUT: Final = "endpoint"
_REDIRECTED: Final = "3xx"
#: Endpoints that are told of one by one.
_SHOWN: Final = 20
_DEAD: Final = "redirects are not followed, so its webhooks end as dead letters"
_SHUT: Final = "nothing is sent there meanwhile; its webhooks wait, then end as dead letters"
_SHUT_STATES: Final = frozenset({EndpointState.OPEN, EndpointState.DISABLED})
_NOTHING: Final = "its webhooks are retried, then end as dead letters"


def fleet_findings(
    document: Mapping[str, Any], configured: Container[str] | None = None
) -> Iterator[Finding]:
    """Endpoints that redirect, whose breaker is open, or that took nothing yet.

    Args:
        document: Of ``read_status``; without a fleet nothing is found.
        configured: Ids of the rows that the configuration leads to: the counters of a url that was
            corrected stay until the fleet is started again. None: they are not known.
    """
    rows: Sequence[Mapping[str, Any]] = document.get("endpoints") or ()
    used = [one for one in rows if configured is None or one["id"] in configured]
    found = [(one, [*_of(one)]) for one in used if one["attempts"] or one["state"] in _SHUT_STATES]
    bad = [findings for _, findings in found if findings]
    for findings in bad[:_SHOWN]:
        yield from findings
    if len(bad) > _SHOWN:
        yield warning(
            _ABOUT,
            f"{len(bad) - _SHOWN} more endpoints of the running fleet redirect or fail",
            _NOTHING,
            "sockq status --json shows all of them, under endpoints",
        )
    if found:
        well = len(found) - len(bad)
        yield fine(_ABOUT, f"{well} of {len(found)} endpoints of the running fleet take webhooks")


def _of(row: Mapping[str, Any]) -> Iterator[Finding]:
    label, attempts = row["label"], row["attempts"]
    last = f"; the last failure: {row['last_failure']}" if row["last_failure"] else ""
    url = f"the url of the webhook {label} in the record of app {row['app']}"
    if not row["app"]:  # the row of all that no table has room for
        url = "the urls of these webhooks in the records of their apps"
    redirects = row["outcomes"].get(_REDIRECTED, 0)
    if redirects:
        yield warning(
            _ABOUT,
            f"{label} answered {redirects} of {attempts} requests with a redirect{last}",
            _DEAD,
            f"{url}: write the address that it redirects to",
        )
    if row["state"] == EndpointState.DISABLED:
        who = f" by {row['disabled_by']}" if row.get("disabled_by") else ""
        yield warning(
            _ABOUT,
            f"{label} of app {row['app']} is disabled{who}",
            _SHUT,
            f"sockq ctl enable '{row['id']}', when it is to get webhooks again",
        )
    elif row["state"] == EndpointState.OPEN:
        left = row["shut_seconds"]
        still = f" for {left:.0f} s more" if left else ""
        yield warning(
            _ABOUT,
            f"the breaker of {label} is open{still}: {row['failures_in_a_row']} failures in a"
            f" row{last}",
            _SHUT,
            f"mend the endpoint, or correct {url}",
        )
    elif attempts and not row["ok"] and not redirects:
        yield warning(
            _ABOUT,
            f"{label} took none of {attempts} requests{last}",
            _NOTHING,
            f"mend the endpoint, or correct {url}",
        )
