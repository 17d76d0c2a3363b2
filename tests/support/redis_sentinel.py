"""A master, its replica and three Sentinels on the loopback, quick to fail over."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from support.redis_server import RedisServer
from support.until import until

MASTER_NAME: Final = "mymaster"
_QUORUM: Final = 2
_DOWN_AFTER_MS: Final = 1_000
_FAILOVER_TIMEOUT_MS: Final = 3_000


class _Sentinel(RedisServer):
    """A Sentinel: the same program with a configuration file, which it rewrites."""

    def __init__(
        self,
        master: RedisServer,
        directives: tuple[str, ...] = (),
        *,
        tls: tuple[Path, Path, Path] | None = None,
    ) -> None:
        self._directives = [
            f"sentinel monitor {MASTER_NAME} 127.0.0.1 {master.port} {_QUORUM}",
            f"sentinel down-after-milliseconds {MASTER_NAME} {_DOWN_AFTER_MS}",
            f"sentinel failover-timeout {MASTER_NAME} {_FAILOVER_TIMEOUT_MS}",
            *directives,
        ]
        super().__init__(tls=tls)

    def _arguments(self) -> list[str]:
        plain = super()._arguments()
        pairs = zip(plain[::2], plain[1::2], strict=True)
        lines = [f'{name.removeprefix("--")} "{value}"' for name, value in pairs]
        lines = [line for line in lines if not line.startswith("save ")]
        if self._tls is not None:
            lines.append("tls-replication yes")
        path = self.directory / "sentinel.conf"
        path.write_text("\n".join([*lines, *self._directives]) + "\n")
        return [str(path), "--sentinel"]


class SentinelFleet:
    """What a Sockudo server with ``database.redis.sentinels`` talks to.

    Args:
        password: Of the data servers and of the Sentinels' users, or None.
        tls: PEM files: everything then speaks TLS only.
    """

    def __init__(
        self, password: str | None = None, tls: tuple[Path, Path, Path] | None = None
    ) -> None:
        options: list[str] = ["--repl-diskless-sync-delay", "0"]
        directives: list[str] = []
        if password is not None:
            options += ["--requirepass", password, "--masterauth", password]
            directives = [f"sentinel auth-pass {MASTER_NAME} {password}", f"requirepass {password}"]
        if tls is not None:
            options += ["--tls-replication", "yes"]
        self._password = password
        self.master = RedisServer(*options, tls=tls)
        self.replica = RedisServer(
            *options, "--replicaof", "127.0.0.1", str(self.master.port), tls=tls
        )
        self.sentinels = [_Sentinel(self.master, tuple(directives), tls=tls) for _ in range(3)]
        until(self._is_watched, within=15.0)

    @property
    def nodes(self) -> tuple[tuple[str, int], ...]:
        """Of the Sentinels."""
        return tuple(("127.0.0.1", sentinel.port) for sentinel in self.sentinels)

    def ask(self, server: RedisServer, *args: str | float) -> str:
        """Run a command with the password."""
        auth = [] if self._password is None else ["--no-auth-warning", "-a", self._password]
        return server.cli(*auth, *args)

    def stop(self) -> None:
        """End everything."""
        for server in (*self.sentinels, self.replica, self.master):
            server.kill()
            server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _is_watched(self) -> bool:
        if "master_link_status:up" not in self.ask(self.replica, "INFO", "replication"):
            return False
        return all(
            "slaves=1,sentinels=3" in self.ask(sentinel, "INFO", "sentinel")
            for sentinel in self.sentinels
        )
