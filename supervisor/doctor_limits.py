"""Rules about the machine: files, memory, and who may stop a fleet before it has drained. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sockq.supervisor.doctor_finding import Finding, fine, problem, warning
from sockq.supervisor.doctor_host import HostFacts

_ABOUT: Final = "host"
#: Files of a worker that are no connections to endpoints.
_OTHER_FILES: Final = 64
#: Memory of the parent and its helpers, and of a worker at work.
_BASE_BYTES: Final = 100 * 2**20
_WORKER_BYTES: Final = 60 * 2**20
#: After the drain: giving back, the janitor's last reclaims, cleaning up.
AFTER_DRAIN_SECONDS: Final = 35
_PLENTY_OF_FILES: Final = 65_536


def host_findings(
    facts: HostFacts,
    *,
    workers: int,
    in_flight: int,
    endpoint_in_flight: int,
    endpoints: int,
    drain_seconds: float,
) -> Iterator[Finding]:
    """Everything about the machine.

    Args:
        facts: Of it.
        workers: Processes.
        in_flight: Jobs that one holds at once.
        endpoint_in_flight: Requests that one has open with one endpoint.
        endpoints: How many there are; 0: not known.
        drain_seconds: From a stop to the end of patience.
    """
    yield _files(facts, in_flight, endpoint_in_flight, endpoints)
    yield from _memory(facts, workers)
    enough = drain_seconds + AFTER_DRAIN_SECONDS
    if facts.unit:
        yield from _systemd(facts, drain_seconds, enough)
    if facts.container and not facts.unit:
        first = " (sockq reaps orphans as process 1: no init needed)" if facts.first else ""
        yield fine(
            _ABOUT,
            f"a container{first}: give a stop {enough:.0f} s; Docker's own 10 s would cut the drain"
            f" (stop_grace_period: {enough:.0f}s, --stop-timeout, terminationGracePeriodSeconds)",
        )


def _files(facts: HostFacts, in_flight: int, each: int, endpoints: int) -> Finding:
    most = min(in_flight, endpoints * each) if endpoints else in_flight
    needed = most + _OTHER_FILES
    if facts.files is None or facts.files >= needed:
        shown = "any number of" if facts.files is None else str(facts.files)
        return fine(_ABOUT, f"a process may open {shown} files; a worker needs up to {needed}")
    kind = problem if facts.files_hard is not None and facts.files_hard < needed else warning
    change = f"LimitNOFILE={_PLENTY_OF_FILES} in the unit; ulimit -n {_PLENTY_OF_FILES}"
    return kind(
        _ABOUT,
        f"a process may open {facts.files} files, and a worker may need {needed}",
        f"{most} requests at once find no file left, and their webhooks are retried in vain",
        f"{change}; or [sockq] in_flight = {max(1, facts.files - _OTHER_FILES)}",
    )


def _memory(facts: HostFacts, workers: int) -> Iterator[Finding]:
    if facts.memory_together:
        yield warning(
            _ABOUT,
            "memory.oom.group is 1",
            "one worker out of memory ends the whole fleet, not that worker alone",
            "OOMPolicy=continue in the unit; Kubernetes: the kubelet's singleProcessOOMKill: true",
        )
    needed = _BASE_BYTES + workers * _WORKER_BYTES
    if facts.memory_bytes is not None and facts.memory_bytes < needed:
        yield warning(
            _ABOUT,
            f"the memory limit is {facts.memory_bytes // 2**20} MiB for {workers} workers",
            f"at work they may need {needed // 2**20} MiB, and the kernel ends what exceeds it",
            f"a limit of {needed // 2**20} MiB or more, or fewer workers ([sockq] workers)",
        )


def _systemd(facts: HostFacts, drain: float, enough: float) -> Iterator[Finding]:
    unit = facts.unit
    sound = True
    if facts.oom_policy and facts.oom_policy != "continue":
        sound = False
        yield problem(
            _ABOUT,
            f"{unit}: OOMPolicy={facts.oom_policy}",
            "when the kernel ends one worker for want of memory, systemd stops the whole fleet",
            "OOMPolicy=continue",
        )
    if facts.kill_mode and facts.kill_mode != "mixed":
        sound = False
        yield warning(
            _ABOUT,
            f"{unit}: KillMode={facts.kill_mode}",
            "a stop signals the workers behind the parent's back, or leaves some of them running",
            "KillMode=mixed",
        )
    stop = facts.stop_seconds
    if stop is not None and stop < enough:
        sound = False
        kind = problem if stop <= drain else warning
        yield kind(
            _ABOUT,
            f"{unit}: TimeoutStopSec={stop:.0f} with drain_seconds {drain:.0f}",
            "systemd kills the fleet before it has finished or given back what it holds",
            f"TimeoutStopSec={enough:.0f}",
        )
    if sound and (facts.oom_policy or facts.kill_mode):
        yield fine(_ABOUT, f"{unit}: OOMPolicy, KillMode and TimeoutStopSec suit a fleet")
