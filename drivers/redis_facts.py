"""What can be found out about the Redis behind a queue, as plain values. ``redis_inspect`` asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class RedisNode:
    """One server. None: it would not say.

    Attributes:
        where: ``host:port``.
        product: ``Redis`` or ``Valkey``.
        version: As it says it: ``7.0.15``.
        compatible: The version of Redis whose commands it has.
        policy: ``maxmemory-policy``.
        most_bytes: ``maxmemory``; 0: no limit.
        used_bytes: In use.
        aof: Whether it logs every write to disk.
        snapshots: Whether it saves snapshots now and then.
        save_failed: The last write to disk failed.
        replica: It is one.
        clock_ahead_seconds: Its clock less this machine's.
        answer_seconds: How long its quickest answer took.
        sockudo5: The script with which Sockudo 5.0 servers take jobs was run there.
        poppers: Clients, none of sockq's, that wait with BLPOP; their addresses.
        soketi_workers: soketi's own workers that wait for jobs; their addresses.
    """

    where: str
    product: str = "Redis"
    version: str = ""
    compatible: tuple[int, ...] = ()
    policy: str | None = None
    most_bytes: int | None = None
    used_bytes: int | None = None
    aof: bool | None = None
    snapshots: bool | None = None
    save_failed: bool = False
    replica: bool = False
    clock_ahead_seconds: float | None = None
    answer_seconds: float | None = None
    sockudo5: bool | None = None
    poppers: tuple[str, ...] | None = None
    soketi_workers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RedisQueue:
    """The queue's own keys.

    Attributes:
        lists: Each list that a Sockudo 4 server may write, the right one first, and its length.
        v1_used: sockq keeps, or kept, jobs of such a list.
        v2_jobs: Jobs in the Sockudo 5 structures that wait, are delayed or leased.
        v2_foreign: Of a sample of leases, how many are not sockq's.
        hosts: sockq hosts that have reported within the last half minute.
    """

    lists: tuple[tuple[str, int], ...] = ()
    v1_used: bool = False
    v2_jobs: int = 0
    v2_foreign: int = 0
    hosts: int = 0


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """Everything about one backend.

    Attributes:
        where: For humans.
        failure: Why nothing could be asked; empty: it answers.
        refused: It answers and says no, rather than being away.
        kind: How it is reached.
        encrypted: Over TLS.
        verified: Its certificate is checked.
        password: A password is given.
        local: All addresses are of this machine.
        private: All addresses are of this machine or of a private network.
        user: The ACL user.
        denied: Commands that sockq needs and this user may not run.
    """

    where: str
    failure: str = ""
    refused: bool = False
    kind: Literal["single", "sentinel", "cluster"] = "single"
    encrypted: bool = False
    verified: bool = True
    password: bool = False
    local: bool = True
    private: bool = True
    user: str = "default"
    denied: tuple[str, ...] = ()
    nodes: tuple[RedisNode, ...] = ()
    queue: RedisQueue = field(default_factory=RedisQueue)
