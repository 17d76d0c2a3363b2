"""Rules about endpoints: reachable, and with a certificate that lasts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockq.supervisor.doctor_finding import Finding, fine, problem, warning
from sockq.workers.endpoint_check import EndpointCheck
from sockq.workers.outcome import Fault

_ABOUT: Final = "endpoint"
_SOON_DAYS: Final = 21
_VERY_SOON_DAYS: Final = 7

_CHANGES: Final = {
    Fault.DNS: "correct the host in the webhook's url, or its DNS record",
    Fault.TLS: "renew or correct the endpoint's certificate, chain included, or the url's host",
    Fault.PROXY: "correct HTTP_PROXY / HTTPS_PROXY, or add the host to NO_PROXY",
}
_OTHERWISE: Final = "start the endpoint, open the firewall to it, or correct the webhook's url"


def endpoint_findings(checks: Sequence[EndpointCheck]) -> Iterator[Finding]:
    """What came of connecting to each."""
    reached = 0
    for one in checks:
        if one.fault is not None:
            yield problem(
                _ABOUT,
                f"{one.where} cannot be reached ({one.detail})",
                "its webhooks are retried, then end as dead letters",
                _CHANGES.get(one.fault, _OTHERWISE),
            )
            continue
        reached += 1
        if one.days is not None and one.days < _SOON_DAYS:
            kind = problem if one.days < _VERY_SOON_DAYS else warning
            yield kind(
                _ABOUT,
                f"the certificate of {one.where} ends in {one.days:.0f} days",
                "from then on nothing is delivered there",
                "renew the endpoint's certificate",
            )
    if reached:
        days = [one.days for one in checks if one.days is not None]
        first = f"; the first certificate ends in {min(days):.0f} days" if days else ""
        yield fine(_ABOUT, f"{reached} of {len(checks)} servers of webhooks can be reached{first}")
