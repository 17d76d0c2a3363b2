"""A client of one Redis server whose every failure is one of ours.

Every source on Redis talks through ``RedisClient``. Only ``connect`` knows that there is a single
server: another topology builds the same object from its own two executors.
"""

from __future__ import annotations

from typing import Any, Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError
from sockq.drivers.redis_errors import translate
from sockq.drivers.settings import RedisSettings, TlsSettings

#: The longest time a command given to ``blocking`` may block at the server.
LONGEST_BLOCK_SECONDS: Final = 5.0
_DEFAULT_PORT: Final = 6379


class Executor(Protocol):
    """What is used of a redis-py client, single or cluster."""

    async def execute_command(self, *args: Any) -> Any:
        """Send a command, return its answer."""

    async def aclose(self) -> None:
        """Close every connection."""


class RedisClient:
    """Commands to one backend.

    Attributes:
        where: ``host:port``, for humans; never with credentials.

    Args:
        commands: For commands that answer at once; bounded by the response timeout.
        blocking: For commands that block at the server up to ``LONGEST_BLOCK_SECONDS``: they have
            connections of their own, to hold nothing up, and a bound above their block time.
        where: See above.
    """

    def __init__(self, commands: Executor, blocking: Executor, where: str) -> None:
        self.where = where
        self._commands = commands
        self._blocking = blocking
        self._closed = False

    async def command(self, *args: Any) -> Any:
        """Run one command and return its answer, bytes undecoded.

        Raises:
            BackendUnavailable: no answer, or the server is in a state that passes.
            BackendRefused: any other error; trying again cannot help.
            NoScriptError: only for ``EVALSHA``; see ``LuaScripts``.
        """
        return await self._run(self._commands, args)

    async def blocking(self, *args: Any) -> Any:
        """As ``command`` for one that blocks at the server."""
        return await self._run(self._blocking, args)

    async def _run(self, executor: Executor, args: tuple[Any, ...]) -> Any:
        if self._closed:
            raise self._gone()
        try:
            return await executor.execute_command(*args)
        except NoScriptError:
            raise
        except (RedisError, RedisClusterException, OSError, EOFError, ValueError) as error:
            # Closing fails the commands under way in many ways; they all mean the same.
            raise (self._gone() if self._closed else translate(error, self.where)) from None
        except AttributeError:  # redis-py's parser is None once another task closed the connection
            if self._closed:
                raise self._gone() from None
            raise

    async def ping(self) -> None:
        """Return when the server answers. Raises as ``command``."""
        await self.command("PING")

    async def close(self) -> None:
        """Close every connection; commands under way raise ``BackendUnavailable``. Never raises."""
        self._closed = True
        for executor in (self._commands, self._blocking):
            try:
                await executor.aclose()
            except (RedisError, OSError):  # closing what is broken already
                continue

    def _gone(self) -> SockqError:
        return BackendUnavailable(f"the connection to Redis at {self.where} is closed")


def connect(settings: RedisSettings) -> RedisClient:
    """Return a client for ``settings``; it connects with its first command (see ``ping``).

    Raises:
        BackendRefused: the URL or a TLS file cannot be used.
    """
    parts = _split(settings.url)
    options: dict[str, Any] = {
        "db": _database(parts),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "socket_connect_timeout": settings.connect_timeout_seconds,
        "socket_keepalive": True,
        "protocol": 2,  # the same answers from every server since 6.0
        # The caller knows how long to go on trying and which verbs may be repeated.
        "retry": Retry(NoBackoff(), 0),
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or _DEFAULT_PORT,
    }
    connection: type[Connection] = Connection
    if parts.scheme == "rediss":
        connection = SSLConnection
        options |= _tls_options(settings.tls, insecure=parts.fragment == "insecure")
    timeout = settings.response_timeout_seconds
    return RedisClient(
        _executor(connection, options, timeout),
        _executor(connection, options, timeout + LONGEST_BLOCK_SECONDS),
        _where(parts),
    )


def _executor(
    connection: type[Connection], options: dict[str, Any], timeout_seconds: float
) -> Executor:
    pool: ConnectionPool = ConnectionPool(
        connection_class=connection, socket_timeout=timeout_seconds, **options
    )
    return Redis.from_pool(pool)


def _split(url: str) -> SplitResult:
    """Take a URL apart; no text of it goes into an error, it may hold a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BackendRefused(
            "the Redis URL cannot be read; percent-encode special characters in its password"
        ) from None
    if parts.scheme not in {"redis", "rediss"}:
        raise BackendRefused("the Redis URL must start with redis:// or rediss://")
    return parts


def _database(parts: SplitResult) -> int:
    text = parts.path.strip("/")
    if text and not (text.isascii() and text.isdigit()):
        raise BackendRefused(f"the Redis URL of {_where(parts)} must end in a database number")
    return int(text or 0)


def _where(parts: SplitResult) -> str:
    host = parts.hostname or "127.0.0.1"
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or _DEFAULT_PORT}"


def _tls_options(tls: TlsSettings, *, insecure: bool) -> dict[str, Any]:
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
