"""Calling a Lambda function through boto3: one attempt, its end told as that of an HTTP exchange.

Lambda answers in HTTP: throttling is 429, its own trouble 5xx, a function that is not there 404, no
right 403; so its answers are decided like any endpoint's. A function that was waited for and failed
counts as a 500. One call is one attempt: retries wait in the queue, not here.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sockq.workers.answer import one_line
from sockq.workers.apps import FunctionTarget
from sockq.workers.outcome import Fault, Outcome

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_lambda.client import LambdaClient

_FAILED_FUNCTION: Final = 500
_SHOWN_BYTES: Final = 2048

#: They pass when credentials are renewed; a 403 or 400 of theirs says nothing about the function.
_PASSING: Final = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired"})


@dataclass(frozen=True, slots=True)
class _ClientKey:
    region: str
    endpoint_url: str | None
    credentials: tuple[str | None, str | None, str | None]
    timeout_seconds: float


class LambdaClients:
    """The clients of a process, one for each region, place and time-out. For threads.

    Args:
        connect_timeout_seconds: Bound of connecting.
        connections: Open ones that each may keep.
    """

    def __init__(self, connect_timeout_seconds: float, connections: int) -> None:
        self._connect_timeout_seconds = connect_timeout_seconds
        self._connections = connections
        self._lock = threading.Lock()
        self._session: boto3.session.Session | None = None
        self._clients: dict[_ClientKey, LambdaClient] = {}

    def get(self, function: FunctionTarget, timeout_seconds: float) -> LambdaClient:
        """The client for a function. The first one takes a while: AWS's descriptions are read."""
        credentials = (
            function.access_key_id,
            function.secret_access_key,
            function.session_token,
        )
        key = _ClientKey(function.region, function.endpoint_url, credentials, timeout_seconds)
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                client = self._clients[key] = self._make(key)
            return client

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _make(self, key: _ClientKey) -> LambdaClient:
        import boto3  # noqa: PLC0415 - only fleets with functions pay for it
        from botocore.config import Config  # noqa: PLC0415

        if self._session is None:
            self._session = boto3.session.Session()
        access_key_id, secret_access_key, session_token = key.credentials
        return self._session.client(
            "lambda",
            region_name=key.region,
            endpoint_url=key.endpoint_url,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            aws_session_token=session_token,
            config=Config(
                connect_timeout=min(self._connect_timeout_seconds, key.timeout_seconds),
                read_timeout=key.timeout_seconds,
                retries={"mode": "standard", "total_max_attempts": 1},
                max_pool_connections=self._connections,
                tcp_keepalive=True,
            ),
        )


def call(
    clients: LambdaClients, function: FunctionTarget, payload: bytes, timeout_seconds: float
) -> Outcome:
    """Call a function; blocks, so for a thread. Raises nothing."""
    began = time.monotonic()
    try:
        answer = clients.get(function, timeout_seconds).invoke(
            FunctionName=function.name,
            InvocationType="RequestResponse" if function.waits else "Event",
            Payload=payload,
        )
        status, detail = answer["StatusCode"], ""
        said = answer["Payload"].read()  # to its end: the connection is used again
        if answer.get("FunctionError"):
            status = _FAILED_FUNCTION
            text = said[:_SHOWN_BYTES].decode(errors="replace")
            detail = f"the function failed ({answer['FunctionError']}): {text}"
        outcome = Outcome(status=status, detail=one_line(detail))
    except Exception as error:
        outcome = _explain(error)
    return msgspec.structs.replace(outcome, elapsed_seconds=time.monotonic() - began)


def _explain(error: Exception) -> Outcome:
    from botocore import exceptions as aws  # noqa: PLC0415 - as above

    if isinstance(error, aws.ClientError):
        return _refused(error.response)
    fault = Fault.CONNECT
    if isinstance(error, aws.ConnectTimeoutError | aws.ReadTimeoutError | TimeoutError):
        fault = Fault.TIMEOUT
    elif isinstance(error, aws.SSLError):
        fault = Fault.TLS
    elif isinstance(error, aws.ProxyConnectionError):
        fault = Fault.PROXY
    elif isinstance(error, aws.ConnectionClosedError | aws.ResponseStreamingError):
        fault = Fault.RESET
    elif isinstance(error, aws.ParamValidationError):
        # The name is not one that a function can have: as if there were none.
        return Outcome(status=404, detail=one_line(str(error)))
    return Outcome(fault=fault, detail=one_line(str(error)))


def _refused(response: Any) -> Outcome:
    told = response.get("Error", {})
    code = str(told.get("Code", ""))
    meta = response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode", 0))
    detail = one_line(f"{code}: {told.get('Message', '')}")
    if code in _PASSING or not status:
        return Outcome(fault=Fault.CONNECT, detail=detail)
    after = str(meta.get("HTTPHeaders", {}).get("retry-after", ""))
    return Outcome(
        status=status,
        detail=detail,
        retry_after_seconds=float(after) if after.isdigit() else None,
    )
