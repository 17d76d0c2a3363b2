"""Rules about the Redis of a queue. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sockq.drivers.redis_facts import RedisFacts, RedisNode
from sockq.supervisor.doctor_finding import Finding, fine, problem, warning

_ABOUT: Final = "redis"
#: The oldest Redis with BLMOVE and LMOVE.
_OLDEST: Final = (6, 2)
_FULL_SHARE: Final = 0.9
#: Leases of Sockudo 5 are counted by the clocks of its servers.
_SKEW_SECONDS: Final = 1.0
_BAD_SKEW_SECONDS: Final = 10.0


def redis_findings(facts: RedisFacts) -> Iterator[Finding]:
    """Everything about reaching it, its nodes and its users."""
    if facts.failure:
        means = "it answers, and nothing can be delivered" if facts.refused else "nothing works"
        yield problem(_ABOUT, facts.failure, means, _way_in(facts))
        return
    yield from _access(facts)
    if facts.denied:
        names = " ".join(f"+{name.lower()}" for name in facts.denied)
        yield problem(
            _ABOUT,
            f"the user {facts.user} may not run {', '.join(facts.denied)}",
            "claiming or settling jobs fails with NOPERM",
            f"ACL SETUSER {facts.user} {names}  (and allow the keys of the queue: ~*)",
        )
    for node in facts.nodes:
        yield from _node(node)


def _way_in(facts: RedisFacts) -> str:
    name = "REDIS_CLUSTER_NODES" if facts.kind == "cluster" else "queue.redis.url_override"
    if facts.refused:
        return f"correct address, user and password in {name} (soketi: SOKETI_DB_REDIS_*)"
    return f"start Redis, or correct {name} / DATABASE_REDIS_HOST (soketi: SOKETI_DB_REDIS_HOST)"


def _access(facts: RedisFacts) -> Iterator[Finding]:
    if facts.local:
        return
    if not facts.encrypted and not facts.password:
        yield warning(
            _ABOUT,
            f"{facts.where} is reached without TLS and without a password",
            "whoever reaches its port reads app secrets from the jobs, and can take or forge jobs",
            "requirepass in redis.conf, and redis://:PASSWORD@… (or rediss://…) for all clients",
        )
    elif not facts.encrypted and not facts.private:
        yield warning(
            _ABOUT,
            f"{facts.where} is on a public address and reached without TLS",
            "the password and the app secrets in the jobs cross the network in clear",
            "write rediss:// in queue.redis.url_override, or database.redis.master_tls.enabled",
        )
    elif facts.encrypted and not facts.verified:
        yield warning(
            _ABOUT,
            f"the certificate of {facts.where} is not checked",
            "anybody in between can pose as Redis",
            "database.redis.master_tls.accept_invalid_certs = false, with ca_path",
        )


def _node(node: RedisNode) -> Iterator[Finding]:
    at = f"{node.product} at {node.where}"
    yield _version(node, at)
    if node.policy is None:
        yield fine(_ABOUT, f"{at} does not let this user see its settings (INFO): ask who runs it")
    if node.replica:
        yield problem(
            _ABOUT, f"{at} is a replica", "it takes no writes",
            "give the master's address, or the Sentinels",
        )  # fmt: skip
    yield from _memory(node, at)
    yield from _disk(node, at)
    yield from _clock(node, at)


def _version(node: RedisNode, at: str) -> Finding:
    if node.compatible and node.compatible[:2] < _OLDEST:
        return problem(
            _ABOUT,
            f"{at} is version {node.version}",
            "commands that sockq needs (LMOVE, BLMOVE) came with 6.2",
            "upgrade it to 6.2 or later; 7 is what sockq is tried with most",
        )
    took = "" if node.answer_seconds is None else f" in {node.answer_seconds * 1000:.1f} ms"
    return fine(_ABOUT, f"{at}, version {node.version or 'unknown'}, answers{took}")


def _memory(node: RedisNode, at: str) -> Iterator[Finding]:
    if node.policy is not None and node.policy != "noeviction":
        change = "maxmemory-policy noeviction in redis.conf; CONFIG SET maxmemory-policy noeviction"
        what = f"maxmemory-policy of {at} is {node.policy}"
        if node.most_bytes and node.policy.startswith("allkeys"):
            yield problem(
                _ABOUT, what, "when memory is full Redis throws away waiting jobs", change
            )
        else:
            means = "with a memory limit, or another policy, it may throw keys away; give the queue"
            yield warning(_ABOUT, what, f"{means} a Redis of its own", change)
    if node.most_bytes and node.used_bytes and node.used_bytes > node.most_bytes * _FULL_SHARE:
        share = 100 * node.used_bytes / node.most_bytes
        yield warning(
            _ABOUT,
            f"{at} uses {share:.0f} % of its maxmemory",
            "when it is full servers can enqueue nothing more, and those webhooks are lost",
            f"maxmemory {2 * node.most_bytes // 2**20}mb in redis.conf, or more",
        )


def _disk(node: RedisNode, at: str) -> Iterator[Finding]:
    if node.save_failed:
        yield problem(
            _ABOUT,
            f"{at} could not write to disk the last time",
            "it refuses writes until it can (MISCONF)",
            "free disk space and look into the log of Redis",
        )
    if node.aof is False and node.snapshots is False:
        yield problem(
            _ABOUT,
            f"{at} keeps nothing on disk (neither AOF nor RDB)",
            "when it restarts all waiting jobs, retries and dead letters are gone",
            "appendonly yes in redis.conf; CONFIG SET appendonly yes",
        )
    elif node.aof is False:
        yield fine(_ABOUT, f"{at} saves snapshots only: a crash loses what came after the last")


def _clock(node: RedisNode, at: str) -> Iterator[Finding]:
    ahead = node.clock_ahead_seconds
    if ahead is None or abs(ahead) < _SKEW_SECONDS:
        return
    which = "ahead of" if ahead > 0 else "behind"
    kind = problem if abs(ahead) >= _BAD_SKEW_SECONDS else warning
    yield kind(
        _ABOUT,
        f"the clock of {at} is {abs(ahead):.1f} s {which} this machine's",
        "leases of Sockudo 5 end early or late, and ages are wrong; receivers refuse webhooks"
        " that are 300 s off",
        "run chrony or systemd-timesyncd on both: timedatectl set-ntp true",
    )
