"""A real Redis Cluster on the loopback: three masters, each with a replica.

Made with CLUSTER commands, so that it stands within two seconds, and with a short node timeout, so
that a failover takes two more.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from redis.crc import key_slot
from support.redis_server import RedisServer
from support.until import until

MASTERS: Final = 3
SLOTS: Final = 16_384
#: After so long a silence the others call a node failed.
NODE_TIMEOUT_MS: Final = 1_000
#: Detection, election and the news of it, on a busy machine.
FAILOVER_SECONDS: Final = 20.0
_MIGRATE_MS: Final = 5_000
_OPTIONS: Final = (
    *("--cluster-enabled", "yes"),
    *("--cluster-node-timeout", str(NODE_TIMEOUT_MS)),
    *("--cluster-replica-validity-factor", "0"),  # a replica stands in however old its data is
    *("--repl-diskless-sync-delay", "0"),
    *("--repl-ping-replica-period", "1"),
)


class RedisCluster:
    """Six servers that are one cluster.

    Args:
        options: Further directives of every node, each an argument.
        tls: PEM files (CA, certificate, key): clients, replicas and the bus then speak TLS only.
        replicas: Whether each master has one.

    Attributes:
        nodes: All servers; the first three started as masters.
    """

    def __init__(
        self,
        *options: str,
        tls: tuple[Path, Path, Path] | None = None,
        replicas: bool = True,
    ) -> None:
        given = [*_OPTIONS, *options]
        if tls:
            given += ["--tls-cluster", "yes", "--tls-replication", "yes"]
        count = 2 * MASTERS if replicas else MASTERS
        with ThreadPoolExecutor(count) as pool:
            self.nodes = [*pool.map(lambda _: RedisServer(*given, tls=tls), range(count))]
        self._frozen: list[RedisServer] = []
        try:
            self._join()
        except BaseException:
            self.stop()
            raise

    @property
    def urls(self) -> tuple[str, ...]:
        """Of every node, as seeds."""
        return tuple(node.url.removesuffix("/0") for node in self.nodes)

    def owner(self, slot: int) -> RedisServer:
        """The master of a slot, by the view of the nodes that run; fails when they do not agree."""
        owners = {_owner_port(node, slot) for node in self._running()}
        assert len(owners) == 1, f"slot {slot}: the nodes name {owners}"
        return self._by_port(owners.pop())

    def owner_of(self, key: str) -> RedisServer:
        """The master of a key."""
        return self.owner(key_slot(key.encode()))

    def replica_of(self, master: RedisServer) -> RedisServer:
        """The running replica of a master."""
        row = _replication(master)["slave0"]
        return self._by_port(int(dict(part.split("=") for part in row.split(","))["port"]))

    def other_master(self, master: RedisServer) -> RedisServer:
        """A master that is not this one."""
        return next(n for n in self._running() if n is not master and _role(n) == "master")

    def failed_over(self, slot: int, dead: RedisServer) -> bool:
        """Whether all nodes that run agree on another master than the dead one, and serve."""
        running = self._running()
        owners = {_owner_port(node, slot) for node in running}
        return len(owners) == 1 and dead.port not in owners and all(map(_serves, running))

    def begin_move(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """Open a slot for its move: from now on clients are told ASK and TRYAGAIN."""
        assert target.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", node_id(source)) == "OK"
        assert source.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", node_id(target)) == "OK"

    def move_keys(self, slot: int, source: RedisServer, target: RedisServer) -> int:
        """Move the keys of a slot that stand at the source now; returns how many."""
        keys = source.cli("CLUSTER", "GETKEYSINSLOT", slot, 100).split("\n")
        keys = [key for key in keys if key]
        if keys:
            to = ("127.0.0.1", target.port, "", 0, _MIGRATE_MS, "KEYS")
            assert source.cli("MIGRATE", *to, *keys) in {"OK", "NOKEY"}
        return len(keys)

    def end_move(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """Give the slot to the target, and tell every master."""
        others = [n for n in self._running() if n not in (source, target) and _role(n) == "master"]
        for node in (target, source, *others):
            assert node.cli("CLUSTER", "SETSLOT", slot, "NODE", node_id(target)) == "OK"

    def move(self, slot: int, target: RedisServer) -> None:
        """Reshard one slot with its keys, as ``redis-cli --cluster reshard`` does."""
        source = self.owner(slot)
        self.begin_move(slot, source, target)
        while self.move_keys(slot, source, target):
            continue
        self.end_move(slot, source, target)

    def freeze(self, node: RedisServer) -> None:
        """Make a node silent, as a broken network does; its connections stay."""
        self._frozen.append(node)
        os.kill(node.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let every frozen node go on."""
        while self._frozen:
            os.kill(self._frozen.pop().pid, signal.SIGCONT)

    def heal(self) -> None:
        """Start dead nodes again and wait until every master has its replica."""
        self.thaw()
        for node in self.nodes:
            if not node.running:
                node.restart()
        until(self._whole, within=FAILOVER_SECONDS, explain=self._views)

    def stop(self) -> None:
        """End every node."""
        for node in self.nodes:
            node.kill()  # a polite end would wait for the replicas
        for node in self.nodes:
            node.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _join(self) -> None:
        first, *others = self.nodes
        for number, node in enumerate(self.nodes, 1):
            node.cli("CLUSTER", "SET-CONFIG-EPOCH", number)
        bounds = [SLOTS * n // MASTERS for n in range(MASTERS + 1)]
        for master, start, end in zip(self.nodes, bounds, bounds[1:], strict=False):
            master.cli("CLUSTER", "ADDSLOTSRANGE", start, end - 1)
        for node in others:
            node.cli("CLUSTER", "MEET", "127.0.0.1", first.port)
        known = f"cluster_known_nodes:{len(self.nodes)}"
        for node in self.nodes:
            until(lambda n=node: known in n.cli("CLUSTER", "INFO"), within=15.0)  # type: ignore[misc]
        for master, replica in zip(self.nodes, self.nodes[MASTERS:], strict=False):
            answer = until(lambda m=master, r=replica: _attach(r, m), within=15.0)  # type: ignore[misc]
            assert answer == "OK"
        until(self._whole, within=15.0, explain=self._views)

    def _whole(self) -> bool:
        return all(_serves(node) and _is_paired(node, len(self.nodes)) for node in self.nodes)

    def _running(self) -> list[RedisServer]:
        return [node for node in self.nodes if node.running and node not in self._frozen]

    def _by_port(self, port: int) -> RedisServer:
        return next(node for node in self.nodes if node.port == port)

    def _views(self) -> str:
        return "\n\n".join(node.cli("CLUSTER", "NODES") for node in self._running())


def node_id(node: RedisServer) -> str:
    """The name of a node within its cluster."""
    return node.cli("CLUSTER", "MYID")


def _attach(replica: RedisServer, master: RedisServer) -> str:
    """Empty while the replica has not yet heard of its master."""
    answer = replica.cli("CLUSTER", "REPLICATE", node_id(master))
    return "" if "Unknown node" in answer else answer


def _owner_port(node: RedisServer, slot: int) -> int:
    """Whom this node takes for the owner."""
    for line in node.cli("CLUSTER", "NODES").split("\n"):
        fields = line.split(" ")
        if "master" not in fields[2]:
            continue
        for part in fields[8:]:
            start, _, end = part.partition("-")
            if start.isdigit() and int(start) <= slot <= int(end or start):
                return int(fields[1].partition("@")[0].rpartition(":")[2])
    return 0


def _serves(node: RedisServer) -> bool:
    return "cluster_state:ok" in node.cli("CLUSTER", "INFO")


def _replication(node: RedisServer) -> dict[str, str]:
    lines = node.cli("INFO", "replication").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _role(node: RedisServer) -> str:
    return _replication(node)["role"]


def _is_paired(node: RedisServer, count: int) -> bool:
    if count == MASTERS:
        return True
    state = _replication(node)
    if state["role"] == "slave":
        return state["master_link_status"] == "up"
    return "state=online" in state.get("slave0", "")
