"""Private MariaDB and PostgreSQL servers, each on a free port, in a directory of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Self

import psycopg
import pymysql
import pytest

START_SECONDS = 30.0
#: What a server has for its clients.
USER, PASSWORD, DATABASE = "sockudo", "s3cret-of-the-store", "apps"


def needed(program: str, *places: str) -> Path:
    """A program of the system; without it the test is skipped, or fails where CI is set."""
    folders = [str(one) for place in places for one in sorted(Path("/").glob(place))]
    folders += os.environ.get("PATH", "").split(os.pathsep)
    found = shutil.which(program, path=os.pathsep.join([*folders, "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        message = f"{program} is not installed (.ci/needs {program})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return Path(found)


class SqlServer(ABC):
    """One server process with an empty database and a user for it."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="sqd"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._create()
            self.start()
            self._prepare()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def _create(self) -> None:
        """Make the files of an empty server."""

    @abstractmethod
    def _command(self) -> list[str]:
        """What starts it on ``self.port``."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make user and database."""

    @abstractmethod
    def execute(self, statement: str, values: tuple[object, ...] = ()) -> None:
        """Run one statement in the database, as its owner."""

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, on the port it had if it had one, and wait until it answers."""
        self.port = self.port or free_port()
        with Path(self.directory, "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/"
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a crash does; its files stay."""
        if self._process is not None:
            self._process.send_signal(self._end_signal)
            self._process.wait(30)
            self._process = None

    _end_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def close(self) -> None:
        """End it and remove its files. Safe to call twice."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        """What it printed."""
        with suppress(OSError):
            return Path(self.directory, "log").read_text(errors="replace")[-3000:]
        return ""

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5):
                return True
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MariaDb(SqlServer):
    """MariaDB."""

    name = "mysql"

    def _create(self) -> None:
        self._server = needed("mariadbd")
        install = needed("mariadb-install-db")
        user = pwd.getpwuid(os.getuid()).pw_name
        self._common = ["--no-defaults", f"--datadir={self.directory}/data", f"--user={user}"]
        subprocess.run(
            [
                str(install),
                *self._common,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )

    def _command(self) -> list[str]:
        return [
            str(self._server),
            *self._common,
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.directory}/s",
            f"--pid-file={self.directory}/pid",
            "--skip-log-bin",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=16M",
            "--innodb-log-file-size=8M",
            "--performance-schema=OFF",
        ]

    def _prepare(self) -> None:
        with self._as_root() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'")
            cursor.execute(f"GRANT ALL ON {DATABASE}.* TO {USER}@'%'")

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> None:
        """Run one statement."""
        with self._as_root(DATABASE) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)

    def _as_root(self, database: str | None = None) -> Any:
        return pymysql.connect(
            unix_socket=f"{self.directory}/s", user="root", database=database, autocommit=True
        )


class Postgres(SqlServer):
    """PostgreSQL. It refuses to run as root; then it is the system's user ``postgres``."""

    name = "pgsql"
    _end_signal = signal.SIGQUIT  # as a crash: no checkpoint; its children end with it

    def _create(self) -> None:
        places = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
        self._server = needed("postgres", *places)
        initdb = needed("initdb", *places)
        self._as: list[str] = []
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.directory, account.pw_uid, account.pw_gid)
            self._as = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}"]
            self._as.append("--clear-groups")
        subprocess.run(
            [
                *self._as,
                str(initdb),
                f"--pgdata={self.directory}/data",
                "--username=postgres",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            timeout=120,
            cwd="/",
        )

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.directory,
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": 30,
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [*self._as, str(self._server), "-D", f"{self.directory}/data", *settings]

    def _prepare(self) -> None:
        with self._as_owner("postgres") as connection:
            connection.execute(f"CREATE USER {USER} PASSWORD '{PASSWORD}'")
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {USER}")

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> None:
        """Run one statement."""
        with self._as_owner(DATABASE) as connection:
            connection.execute("SET ROLE sockudo")
            connection.execute(statement, values or None)

    def _answers(self) -> bool:
        try:
            with self._as_owner("postgres"):
                return True
        except psycopg.OperationalError:
            return False

    def _as_owner(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.directory),
            port=self.port,
            user="postgres",
            dbname=database,
            autocommit=True,
            connect_timeout=2,
        )


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
