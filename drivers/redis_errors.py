"""What a Redis client's exception means: try again, or it cannot help. Pure."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from redis import exceptions

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError

#: Redis' codes for a state that passes: loading, failover, full disk or memory, a slow script.
_PASSING: Final = re.compile(
    r"\b(LOADING|READONLY|CLUSTERDOWN|BUSY|OOM|MASTERDOWN|TRYAGAIN|MISCONF|NOREPLICAS|NOMASTERLINK"
    r"|UNBLOCKED|FAILOVER|max number of clients reached|can't write against a read only replica"
    r"|instance state changed|Connection closed by server)\b"
)
_PASSING_TYPES: Final = (
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
    exceptions.OutOfMemoryError,
    exceptions.MaxConnectionsError,
    exceptions.SlotNotCoveredError,
)
#: redis-py's connection errors that are an answer of the server.
_ANSWERED_TYPES: Final = (
    *_PASSING_TYPES,
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
)
_CONNECTION_TYPES: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ClusterError,
    exceptions.RedisClusterException,
    OSError,
    EOFError,
)
#: What to do about a certificate, by OpenSSL's code; else its authority is not known here.
_CERTIFICATE_STEPS: Final = {
    9: "correct the clock of this machine",
    10: "renew it",
    62: "connect by a name that it is for",
    64: "connect by a name that it is for",
}
_TRUST: Final = "trust its authority with SSL_CERT_FILE or with ca_path in the TLS settings"
_ERRNO: Final = re.compile(r"\b(?:Errno|Error) (-?\d+)\b")
_LONGEST_TEXT: Final = 160


def translate(error: Exception, where: str) -> SockqError:
    """Return our error for one that a Redis client raised.

    Args:
        error: Of redis-py, asyncio or the operating system.
        where: ``host:port``; without credentials.
    """
    if isinstance(error, _CONNECTION_TYPES) and not isinstance(error, _ANSWERED_TYPES):
        return _unreachable(error, where)
    if isinstance(error, _PASSING_TYPES) or (
        isinstance(error, exceptions.ResponseError) and _PASSING.search(str(error))
    ):
        return BackendUnavailable(f"Redis at {where} is not ready: {_text(error)}")
    return BackendRefused(_refusal(error, where))


def _refusal(error: Exception, where: str) -> str:
    match error:
        case exceptions.AskError():  # MovedError is one
            return f"Redis at {where} is part of a cluster; use the queue driver redis-cluster"
        case exceptions.NoPermissionError():
            return _denial(error, where, "allow it to this user with ACL SETUSER")
        case (
            exceptions.AuthenticationError()
            | exceptions.AuthorizationError()
            | exceptions.AuthenticationWrongNumberOfArgsError()
        ):
            return _denial(error, where, "correct user and password in its URL or database.redis")
        case exceptions.ResponseError():
            return f"Redis at {where} refuses: {_text(error)}"
        case exceptions.InvalidResponse():
            return f"what answers at {where} does not speak Redis' protocol"
        case _:
            return f"the client for Redis at {where} failed: {_text(error)}"


def _denial(error: Exception, where: str, step: str) -> str:
    return f"Redis at {where} denies access: {_text(error).rstrip('.')}; {step}"


def _unreachable(error: Exception, where: str) -> SockqError:
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return BackendRefused(
                f"the TLS certificate of Redis at {where} is not accepted: "
                f"{cause.verify_message.rstrip('.')}; "
                f"{_CERTIFICATE_STEPS.get(cause.verify_code, _TRUST)}"
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in {
            "WRONG_VERSION_NUMBER",
            "PACKET_LENGTH_TOO_LONG",
        }:
            return BackendRefused(f"what answers at {where} does not speak TLS; use redis://")
    return BackendUnavailable(f"no Redis answers at {where} ({_reason(error)})")


def _reason(error: Exception) -> str:
    for cause in _chain(error):
        if isinstance(cause, socket.gaierror):
            return "its name is not known"
        if isinstance(cause, TimeoutError | exceptions.TimeoutError):
            return "no answer in time"
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return os.strerror(cause.errno).lower()
    found = _ERRNO.search(str(error))
    if found:
        number = int(found[1])  # below 0: of getaddrinfo
        return os.strerror(number).lower() if number > 0 else "its name is not known"
    text = str(error).lower()
    if "closed" in text or isinstance(error, EOFError):
        return "the connection was closed"
    return "the connection failed"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(8):  # a cycle is possible in theory
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _text(error: Exception) -> str:
    """One short line, without arguments of the refused command: they may be payload or secrets."""
    text = " ".join(str(error).split())
    text = text.partition(", with args beginning with")[0]
    code = getattr(error, "status_code", None)
    if code and code != "ERR" and not text.startswith(code):
        text = f"{code} {text}"
    text = text.removeprefix("ERR ")
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
