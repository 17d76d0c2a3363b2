"""How to make the servers leave the queue to sockq: what ``sockq check`` says about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sockq.drivers.settings import BullmqSettings, RedisClusterSettings, RedisSettings, SqsSettings
from sockq.drivers.sockudo_v2_keys import base_key
from sockq.supervisor.settings import Configuration

#: The keys that a Sockudo 5 server needs to enqueue. Its claim names others too, and is refused.
PRODUCER_SUFFIXES: Final = (
    "jobs",
    "wait",
    "inline-wait",
    "inline-wait-count",
    "delayed",
    "attempts",
    "max-attempts",
    "dedup",
    "dedup-expiry",
    "notify",
    "events",
)
USER: Final = "sockudo-producer"
PASSWORD: Final = "CHANGE-ME"  # noqa: S105 - a stand-in for the user to replace
_SOKETI_ON_REDIS: Final = (
    "soketi servers, to only enqueue: SOKETI_MODE=full and SOKETI_QUEUE_REDIS_CONCURRENCY=0 on each"
    " (with mode server they enqueue nothing on Redis)"
)
_RELIABILITY: Final = "queue.reliability."
_GLOB_SIGNS: Final = "\\*?[]"


def producer_advice(configuration: Configuration) -> list[str]:
    """Lines for a configuration without faults; none where no server could take jobs away."""
    assert configuration.fleet is not None
    match configuration.fleet.driver:
        case BullmqSettings():
            return [_SOKETI_ON_REDIS]
        case SqsSettings() if configuration.server == "soketi":
            return ["soketi servers, to only enqueue: SOKETI_MODE=server on each"]
        case SqsSettings():
            return ["Sockudo servers, to only enqueue: QUEUE_SQS_CONCURRENCY=0 on each"]
        case RedisSettings(prefix=prefix):
            return [*_sockudo(configuration, prefix, "QUEUE_REDIS_CONCURRENCY")]
        case RedisClusterSettings(prefix=prefix):
            return [*_sockudo(configuration, prefix, "REDIS_CLUSTER_QUEUE_CONCURRENCY")]
        case _:
            return []


def _sockudo(configuration: Configuration, prefix: str, variable: str) -> Iterator[str]:
    """A file does not say which version reads it, but some settings exist in one of them only."""
    values = configuration.values
    of_5 = any(p.startswith(_RELIABILITY) and v.layer != "default" for p, v in values.items())
    cluster = variable.startswith("REDIS_CLUSTER")
    given = values.get(f"queue.redis{'_cluster' if cluster else ''}.concurrency")
    of_4 = given is not None and given.value == 0
    if not of_5:
        yield f"Sockudo 4.x servers, to only enqueue: {variable}=0 on each"
    if of_4:
        return
    try:
        rule = acl_rule(prefix, "webhooks", cluster=cluster)
    except ValueError:  # no Sockudo 5 server starts with such a prefix
        return
    place = "queue.redis_cluster.nodes" if cluster else "queue.redis.url_override"
    yield (
        "Sockudo 5.x servers, to only enqueue: they have no setting for it; give their queue a"
        " Redis user that cannot claim, at the prompt of redis-cli:"
    )
    yield f"  {rule}"
    yield (
        f"  and name that user in {place} of each server's file"
        f" (redis://{USER}:{PASSWORD}@HOST:PORT); sockq keeps a user that may do everything"
    )


def acl_rule(prefix: str, queue: str, *, cluster: bool = False) -> str:
    """The command that makes such a user.

    Args:
        prefix: As the server's ``queue.redis.prefix``.
        queue: Name of the queue.
        cluster: Whether it is for the nodes of a cluster: run it on each.

    Raises:
        ValueError: No Sockudo 5 server starts with this prefix.
    """
    base = _literal(base_key(prefix, queue))
    # Queues of push notifications have the same prefix, and workers in the servers only.
    push = _literal(base_key(prefix, "push.")).removesuffix("}")
    patterns = [*(f"~{base}:{suffix}" for suffix in PRODUCER_SUFFIXES), f"~{push}*"]
    rights = ["+@all", "-@dangerous", "+info", *(["+cluster"] if cluster else [])]
    rules = ["reset", "on", f">{PASSWORD}", *patterns, *rights]
    return " ".join(["ACL SETUSER", USER, *map(_quoted, rules)])


def _literal(text: str) -> str:
    """A glob pattern that this text fits; Redis takes no spaces in one, so any sign fits there."""
    escaped = (f"\\{sign}" if sign in _GLOB_SIGNS else sign for sign in text)
    return "".join("?" if sign.isspace() else sign for sign in escaped)


def _quoted(word: str) -> str:
    """As redis-cli reads a word."""
    if not any(sign in "\\\"'" for sign in word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
