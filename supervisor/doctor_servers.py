"""Rules about the servers that write the queue: who else takes jobs from it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockq.drivers.redis_facts import RedisFacts
from sockq.supervisor.doctor_finding import Finding, fine, problem, warning
from sockq.supervisor.producer_advice import acl_rule

_ABOUT: Final = "servers"
_SHOWN: Final = 3
_HIDDEN: Final = "this Redis user may not run CLIENT LIST"


def sockudo_findings(facts: RedisFacts, prefix: str, queue: str) -> Iterator[Finding]:
    """Of Sockudo servers on Redis.

    Args:
        facts: Of their Redis.
        prefix: As the server's ``queue.redis.prefix``.
        queue: Name of the queue.
    """
    cluster = facts.kind == "cluster"
    variable = "REDIS_CLUSTER_QUEUE_CONCURRENCY" if cluster else "QUEUE_REDIS_CONCURRENCY"
    found = facts.queue
    yield from _lists(facts)
    poppers = [address for node in facts.nodes for address in node.poppers or ()]
    of_5 = any(node.sockudo5 for node in facts.nodes) or found.v2_foreign > 0
    if of_5 and (poppers or found.v2_foreign):
        yield warning(
            _ABOUT,
            f"workers inside Sockudo 5 servers take jobs too ({_who(poppers, found.v2_foreign)})",
            "they count a webhook as done whatever its endpoint answers; they have no setting"
            " against it, so take the right away with a Redis user that cannot claim",
            _rule(prefix, queue, cluster=cluster),
        )
    elif poppers:
        yield problem(
            _ABOUT,
            f"workers inside Sockudo 4 servers take jobs too ({_who(poppers, 0)})",
            "they take a job out before they send it and never try it again: a share of the"
            " webhooks is lost at each crash, restart and dead endpoint",
            f"{variable}=0 in the environment of each server",
        )
    elif facts.nodes and all(node.poppers is not None for node in facts.nodes):
        yield fine(_ABOUT, "no server's own workers wait for jobs")
    elif facts.nodes:
        yield fine(_ABOUT, f"not known whether servers take jobs too: {_HIDDEN}")
    if found.v1_used and found.v2_jobs and any(length for _, length in found.lists):
        yield warning(
            _ABOUT,
            "both the list of Sockudo 4 and the structures of Sockudo 5 hold jobs",
            "servers of each version leave the other's jobs lying; sockq reads both",
            "finish the upgrade: no change here, keep sockq running until the list is empty",
        )


def _lists(facts: RedisFacts) -> Iterator[Finding]:
    lists = facts.queue.lists
    if len(lists) > 1 and lists[1][1]:
        (right, _), (wrong, length), *_ = lists
        yield warning(
            _ABOUT,
            f"{_jobs(length)} in {wrong}, a key that no server writes or reads",
            f"servers write {right}, with two colons; sockq delivers what stands in either",
            f"have that producer push to {right}",
        )
    waiting = sum(length for _, length in lists)
    if waiting and not facts.queue.hosts:
        yield warning(
            _ABOUT,
            f"{_jobs(waiting)} in the list, and no sockq fleet takes them",
            "a clean stop of any Sockudo 4 server deletes that list with all webhooks in it",
            "sockq run --mode worker  (it moves jobs out as soon as they come)",
        )


def soketi_findings(facts: RedisFacts, mode: str) -> Iterator[Finding]:
    """Of soketi servers on Redis.

    Args:
        facts: Of their Redis.
        mode: Of the servers, as the configuration says it; empty: not known.
    """
    if mode == "server":
        yield problem(
            _ABOUT,
            "soketi in mode server",
            "such a server throws its webhooks away on Redis: it opens no queue",
            "SOKETI_MODE=full and SOKETI_QUEUE_REDIS_CONCURRENCY=0 for each server",
        )
    busy = [address for node in facts.nodes for address in node.soketi_workers or ()]
    if busy:
        yield problem(
            _ABOUT,
            f"soketi's own workers take jobs too ({_who(busy, 0)})",
            "they complete a job before they send it and never try again",
            "SOKETI_QUEUE_REDIS_CONCURRENCY=0 for each server, and stop nodes in mode worker",
        )
    elif facts.nodes and all(node.soketi_workers is not None for node in facts.nodes):
        yield fine(_ABOUT, "no soketi worker waits for jobs")
    elif facts.nodes:
        yield fine(_ABOUT, f"not known whether soketi takes jobs too: {_HIDDEN}")


def _rule(prefix: str, queue: str, *, cluster: bool) -> str:
    try:
        return acl_rule(prefix, queue, cluster=cluster)
    except ValueError:
        return "give the servers a Redis user without the keys active, tokens and dlq"


def _who(addresses: Sequence[str], leases: int) -> str:
    parts = []
    if addresses:
        more = f" and {len(addresses) - _SHOWN} more" if len(addresses) > _SHOWN else ""
        parts.append(f"clients {', '.join(addresses[:_SHOWN])}{more} wait for them")
    if leases:
        parts.append(f"{leases} leases of a sample are theirs")
    return "; ".join(parts)


def _jobs(count: int) -> str:
    return "1 job waits" if count == 1 else f"{count} jobs wait"
