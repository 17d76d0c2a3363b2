"""Which errors of Redis are worth another try, and what is told of them."""

from __future__ import annotations

import ssl

import pytest
from redis import exceptions

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.redis_errors import translate

WHERE = "redis.example:6379"


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("Connection closed by server."),
        exceptions.TimeoutError("Timeout reading from redis.example:6379"),
        exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        exceptions.ReadOnlyError("You can't write against a read only replica."),
        exceptions.ClusterDownError("CLUSTERDOWN The cluster is down"),
        exceptions.MasterDownError("MASTERDOWN Link with MASTER is down"),
        exceptions.TryAgainError("TRYAGAIN Multiple keys request during rehashing of slot"),
        exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        exceptions.MaxConnectionsError("Too many connections"),
        exceptions.ConnectionError("max number of clients reached"),
        exceptions.SlotNotCoveredError("Slot is not covered"),
        exceptions.ResponseError(
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL"
        ),
        exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"),
        exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
        exceptions.ResponseError("UNBLOCKED force unblock from blocking operation"),
        # From inside a script, 6.2 and 7.0.
        exceptions.ResponseError(
            "Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not"
        ),
        exceptions.ResponseError("READONLY You can't write against a read only replica. script: 1"),
        ConnectionResetError(104, "Connection reset by peer"),
        EOFError(),
    ],
    ids=lambda error: f"{type(error).__name__}: {error}"[:40],
)
def test_a_state_that_passes(error: Exception) -> None:
    ours = translate(error, WHERE)
    assert isinstance(ours, BackendUnavailable)
    assert WHERE in str(ours)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.AuthenticationError("invalid username-password pair"),
        exceptions.AuthenticationWrongNumberOfArgsError("wrong number of arguments for 'auth'"),
        exceptions.NoPermissionError("this user has no permissions to run the 'eval' command"),
        exceptions.MovedError("3999 127.0.0.1:6381"),
        exceptions.ClusterCrossSlotError("Keys in request don't hash to the same slot"),
        exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind"),
        exceptions.ResponseError("unknown command 'BLMOVE', with args beginning with: 'secret'"),
        exceptions.ResponseError("BUSYGROUP Consumer Group name already exists"),
        exceptions.InvalidResponse("Protocol Error: b'HTTP'"),
        exceptions.DataError("Invalid input of type: 'NoneType'"),
        ValueError("no"),
    ],
    ids=lambda error: f"{type(error).__name__}: {error}"[:40],
)
def test_a_refusal(error: Exception) -> None:
    ours = translate(error, WHERE)
    assert isinstance(ours, BackendRefused)
    assert WHERE in str(ours)
    assert "secret" not in str(ours)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            exceptions.ConnectionError("Error 111 connecting to localhost:1. Connection refused."),
            f"no Redis answers at {WHERE} (connection refused)",
        ),
        (
            exceptions.ConnectionError("Multiple exceptions: [Errno 111] Connect call failed"),
            f"no Redis answers at {WHERE} (connection refused)",
        ),
        (
            exceptions.ConnectionError("Error -2 connecting to nowhere:1. Name not known."),
            f"no Redis answers at {WHERE} (its name is not known)",
        ),
        (
            exceptions.ConnectionError("Connection closed by server."),
            f"no Redis answers at {WHERE} (the connection was closed)",
        ),
        (TimeoutError(), f"no Redis answers at {WHERE} (no answer in time)"),
        (
            exceptions.MovedError("3999 127.0.0.1:6381"),
            f"Redis at {WHERE} is part of a cluster; use the queue driver redis-cluster",
        ),
        (
            exceptions.ResponseError("ERR two\r\nlines"),
            f"Redis at {WHERE} refuses: two lines",
        ),
        (
            exceptions.ResponseError("x" * 1_000),
            f"Redis at {WHERE} refuses: {'x' * 159}…",
        ),
    ],
)
def test_the_text(error: Exception, text: str) -> None:
    assert str(translate(error, WHERE)) == text


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (
            exceptions.AuthenticationError("Authentication required."),
            "Authentication required; correct user and password in its URL or database.redis",
        ),
        (
            exceptions.NoPermissionError("this user has no permissions to run the 'eval' command"),
            "run the 'eval' command; allow it to this user with ACL SETUSER",
        ),
    ],
)
def test_a_denial_says_what_to_do(error: Exception, step: str) -> None:
    text = str(translate(error, WHERE))
    assert text.startswith(f"Redis at {WHERE} denies access: ")
    assert text.endswith(step)


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (9, "correct the clock of this machine"),
        (10, "renew it"),
        (18, "trust its authority with SSL_CERT_FILE or with ca_path in the TLS settings"),
        (62, "connect by a name that it is for"),
    ],
)
def test_a_certificate_that_is_not_accepted_says_what_to_do(code: int, step: str) -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_code, cause.verify_message = code, "no good."
    error = exceptions.ConnectionError("Error 1 connecting")
    error.__cause__ = cause
    ours = translate(error, WHERE)
    assert isinstance(ours, BackendRefused)
    assert str(ours) == f"the TLS certificate of Redis at {WHERE} is not accepted: no good; {step}"


def test_a_cause_is_looked_up_in_the_chain() -> None:
    error = exceptions.ConnectionError("something went wrong")
    error.__cause__ = ConnectionResetError(104, "Connection reset by peer")
    expected = f"no Redis answers at {WHERE} (connection reset by peer)"
    assert str(translate(error, WHERE)) == expected
