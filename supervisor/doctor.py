"""``sockq doctor``: looks at everything around a fleet, and says what will hurt.

Gathers facts; the rules are in the other ``doctor_*`` modules. Nothing is changed anywhere, and no
endpoint is sent anything.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from sockq.drivers.settings import (
    BullmqSettings,
    MemorySettings,
    RedisClusterSettings,
    RedisSettings,
    SqsSettings,
)
from sockq.supervisor.doctor_config import config_findings
from sockq.supervisor.doctor_endpoints import endpoint_findings
from sockq.supervisor.doctor_finding import Finding, fine, warning, worst
from sockq.supervisor.doctor_fleet import fleet_findings
from sockq.supervisor.doctor_host import look_at_host
from sockq.supervisor.doctor_limits import host_findings
from sockq.supervisor.fleet import FleetSettings
from sockq.supervisor.settings import Configuration
from sockq.supervisor.status_document import read_status
from sockq.workers import exits
from sockq.workers.endpoint_check import check_endpoints
from sockq.workers.endpoint_stats import OTHER, row_of

if TYPE_CHECKING:
    from sockq.drivers.redis_inspect import RedisBackend

_MOST_SERVERS: Final = 256


def examine(
    configuration: Configuration,
    *,
    endpoints: bool = True,
    bound_seconds: float = 3.0,
    tls: SSLContext | None = None,
) -> tuple[list[Finding], int]:
    """Look at everything.

    Args:
        configuration: Without faults.
        endpoints: Whether to connect to the endpoints.
        bound_seconds: For each of them.
        tls: To check their certificates with; by default the system's.

    Returns:
        The findings, and the exit code: 0 all in order, 1 warnings, 2 problems; 75 the backend
        does not answer, 78 it refuses.
    """
    fleet = configuration.fleet
    assert fleet is not None
    backend, code = _backend(configuration, fleet)
    findings = [*backend, *_config(configuration, fleet)]
    servers = {
        (one.scheme, one.host, one.port): one
        for app in configuration.apps
        for one in (webhook.endpoint for webhook in app.webhooks)
        if one is not None
    }
    if endpoints and servers:
        asked = list(servers.values())[:_MOST_SERVERS]
        findings += endpoint_findings(check_endpoints(asked, bound_seconds, tls))
        if len(servers) > len(asked):
            left = len(servers) - len(asked)
            findings.append(fine("endpoint", f"{left} more servers were not tried"))
    worker = fleet.worker
    findings += fleet_findings(read_status(fleet.directory), _rows(configuration, fleet))
    findings += host_findings(
        look_at_host(fleet.directory, os.environ),
        workers=fleet.workers,
        in_flight=worker.in_flight,
        endpoint_in_flight=worker.engine.endpoint_in_flight,
        endpoints=0 if worker.app_store else len(servers),
        drain_seconds=fleet.drain_seconds,
    )
    return findings, code or int(worst(findings))


def _config(configuration: Configuration, fleet: FleetSettings) -> Iterator[Finding]:
    yield from config_findings(
        configuration.apps,
        # soketi's mode is judged with its servers.
        [line for line in configuration.warnings if ": mode server: " not in line],
        lease_seconds=fleet.worker.lease_seconds,
        drain_seconds=fleet.drain_seconds,
        hang_seconds=fleet.hang_seconds,
        store=fleet.worker.app_store is not None,
    )


def _rows(configuration: Configuration, fleet: FleetSettings) -> frozenset[str] | None:
    """Ids of the endpoints' rows that the configuration leads to; None when a store has apps."""
    if fleet.worker.app_store is not None:
        return None
    apps = configuration.apps
    return frozenset({OTHER, *(row_of(one, app.id).id for app in apps for one in app.webhooks)})


def _backend(configuration: Configuration, fleet: FleetSettings) -> tuple[list[Finding], int]:
    match fleet.driver:
        case RedisSettings() | RedisClusterSettings() | BullmqSettings() as settings:
            return _redis(configuration, settings)
        case SqsSettings() as settings:
            return _sqs(configuration, settings)
        case MemorySettings():
            what = "the memory queue lives in this fleet alone"
            means = "a restart of the fleet loses what waits in it, and no server can write to it"
            return [warning("config", what, means, "queue.driver = redis")], exits.OK
        case _:
            return [], exits.OK


def _redis(configuration: Configuration, settings: RedisBackend) -> tuple[list[Finding], int]:
    from sockq.drivers.redis_inspect import inspect_redis  # noqa: PLC0415 - only what is used
    from sockq.supervisor.doctor_redis import redis_findings  # noqa: PLC0415 - as above
    from sockq.supervisor.doctor_servers import sockudo_findings, soketi_findings  # noqa: PLC0415

    facts = asyncio.run(inspect_redis(settings))
    findings = [*redis_findings(facts)]
    if isinstance(settings, BullmqSettings):
        findings += soketi_findings(facts, _mode(configuration))
    elif not facts.failure:
        findings += sockudo_findings(facts, settings.prefix, settings.queue)
    return findings, _code(facts.failure, refused=facts.refused)


def _sqs(configuration: Configuration, settings: SqsSettings) -> tuple[list[Finding], int]:
    from sockq.drivers.sqs_inspect import inspect_sqs  # noqa: PLC0415 - brings boto3
    from sockq.supervisor.doctor_sqs import sqs_findings  # noqa: PLC0415 - as above

    facts = asyncio.run(inspect_sqs(settings))
    longest = max(
        (webhook.timeout_seconds for app in configuration.apps for webhook in app.webhooks),
        default=10.0,
    )
    of_soketi = configuration.server == "soketi"
    group = settings.message_group_id
    found = sqs_findings(facts, request_seconds=longest, group=group, of_soketi=of_soketi)
    failure = "" if facts.missing else facts.failure
    return [*found], _code(failure, refused=facts.refused)


def _code(failure: str, *, refused: bool) -> int:
    if not failure:
        return exits.OK
    return exits.CONFIG if refused else exits.UNAVAILABLE


def _mode(configuration: Configuration) -> str:
    """What the configuration says of the servers' mode: sockq's own is always ``worker``."""
    mode = configuration.values.get("mode")
    return str(mode.value) if mode is not None else ""
