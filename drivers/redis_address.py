"""Where a Redis server is and how to talk to it: from a URL to the options of redis-py."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import Connection, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from sockq.drivers.errors import BackendRefused
from sockq.drivers.settings import TlsSettings

#: Of every connection, as CLIENT LIST shows it.
CLIENT_NAME: Final = "sockq"
_DEFAULT_PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port; as text, ``host:port``."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Access:
    """What is the same for every server of one backend.

    Attributes:
        username: Of the ACL, or None.
        password: Or None.
        db: Number of the database.
        encrypted: Whether to speak TLS.
        insecure: The URL says not to check certificates.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    db: int = 0
    encrypted: bool = False
    insecure: bool = False


def read_url(url: str) -> tuple[Address, Access]:
    """Take a Redis URL apart; no text of it goes into an error, it may hold a password.

    Raises:
        BackendRefused: it cannot be used.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BackendRefused(
            "the Redis URL cannot be read; percent-encode special characters in its password"
        ) from None
    if parts.scheme not in {"redis", "rediss"}:
        raise BackendRefused("the Redis URL must start with redis:// or rediss://")
    address = Address(parts.hostname or "127.0.0.1", port or _DEFAULT_PORT)
    db = parts.path.strip("/")
    if db and not (db.isascii() and db.isdigit()):
        raise BackendRefused(f"the Redis URL of {address} must end in a database number")
    return address, Access(
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        db=int(db or 0),
        encrypted=parts.scheme == "rediss",
        insecure=parts.fragment == "insecure",
    )


def connection_options(
    access: Access, tls: TlsSettings, connect_timeout_seconds: float
) -> tuple[type[Connection], dict[str, Any]]:
    """Return the class of a connection and its arguments, without host, port and read timeout.

    Raises:
        BackendRefused: a TLS file cannot be used.
    """
    options: dict[str, Any] = {
        "db": access.db,
        "username": access.username,
        "password": access.password,
        "socket_connect_timeout": connect_timeout_seconds,
        "socket_keepalive": True,
        "redis_connect_func": _begin,
        "protocol": 2,  # the same answers from every server since 6.0
        # The caller knows how long to go on trying and which verbs may be repeated.
        "retry": Retry(NoBackoff(), 0),
    }
    if not access.encrypted:
        return Connection, options
    return SSLConnection, options | tls_options(tls, insecure=access.insecure)


async def _begin(connection: AbstractConnection) -> None:
    """Begin as redis-py does, then say who this is: in CLIENT LIST servers and sockq look alike."""
    await connection.on_connect()
    with contextlib.suppress(ResponseError):  # an ACL may deny it, and nothing depends on it
        await connection.send_command("CLIENT", "SETNAME", CLIENT_NAME)
        await connection.read_response()


def tls_options(tls: TlsSettings, *, insecure: bool = False) -> dict[str, Any]:
    """Return redis-py's arguments for TLS.

    Raises:
        BackendRefused: a file cannot be used.
    """
    verify = tls.verify and not insecure
    options: dict[str, Any] = {
        "ssl_cert_reqs": "required" if verify else "none",
        "ssl_check_hostname": verify,
    }
    for name, path in (
        ("ssl_ca_certs", tls.ca_path),
        ("ssl_certfile", tls.client_cert_path),
        ("ssl_keyfile", tls.client_key_path),
    ):
        if path is None:
            continue
        if not path.is_file():
            raise BackendRefused(f"the TLS file {path} does not exist or is no file")
        options[name] = str(path)
    return options
