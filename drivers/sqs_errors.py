"""What an exception of boto3 means: try again, or it cannot help. Pure."""

from __future__ import annotations

from typing import Any, Final

from botocore import exceptions

from sockq.drivers.errors import BackendRefused, BackendUnavailable, SockqError

#: Codes, without the namespace in front of some, that stand for a state that passes.
_PASSING: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "KmsThrottled",
        "OverLimit",  # too many messages in flight
        "QueueDeletedRecently",  # the name is free again after a minute
        "RequestThrottled",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NO_QUEUE: Final = frozenset({"NonExistentQueue", "QueueDoesNotExist"})
_NO_RIGHT: Final = frozenset({"AccessDenied", "AccessDeniedException"})
#: What to do about a refusal.
_NEXT_STEPS: Final = {
    "AccessDenied": "allow the action in the policy of these credentials",
    "AccessDeniedException": "allow the action in the policy of these credentials",
    "ExpiredToken": "renew the credentials",
    "ExpiredTokenException": "renew the credentials",
    "InvalidClientTokenId": "check AWS_ACCESS_KEY_ID and the region",
    "SignatureDoesNotMatch": "check AWS_SECRET_ACCESS_KEY and the clock of this machine",
    "UnrecognizedClientException": "check AWS_ACCESS_KEY_ID and the region",
}
_SERVER_FAULT: Final = 500
_LONGEST_TEXT: Final = 200


class SqsRefused(BackendRefused):
    """A refusal with its code, for the callers inside the driver that know what to do."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code

    @property
    def no_such_queue(self) -> bool:
        """The queue does not exist."""
        return self.code in _NO_QUEUE

    @property
    def no_right(self) -> bool:
        """The credentials may not do this."""
        return self.code in _NO_RIGHT


def translate(  # noqa: PLR0911 - one case, one answer
    error: Exception, where: str, doing: str
) -> SockqError:
    """Return our error for one that boto3 raised.

    Args:
        error: Of boto3, botocore or the operating system.
        where: ``SQS in us-east-1``, with the endpoint if there is one; without credentials.
        doing: What was asked: ``ReceiveMessage of webhooks``.
    """
    match error:
        case exceptions.ClientError():
            return _answered(error, where, doing)
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError():
            return SqsRefused(
                f"no credentials for {where}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "or AWS_PROFILE, or give the machine a role"
            )
        case exceptions.ProfileNotFound():
            return SqsRefused(f"no credentials for {where}: {_line(str(error))}; set AWS_PROFILE")
        case exceptions.CredentialRetrievalError() | exceptions.MetadataRetrievalError():
            return BackendUnavailable(
                f"the credentials for {where} cannot be had now: {_line(str(error))}"
            )
        case exceptions.TokenRetrievalError() | exceptions.UnauthorizedSSOTokenError():
            return SqsRefused(f"the credentials for {where} have ended: sign in again (aws sso)")
        case exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return SqsRefused(f"the TLS certificate of {where} is not accepted; set AWS_CA_BUNDLE")
        case exceptions.ConnectTimeoutError() | exceptions.ReadTimeoutError() | TimeoutError():
            return BackendUnavailable(f"no answer in time from {where}")
        case exceptions.HTTPClientError() | exceptions.ConnectionError() | OSError():
            return BackendUnavailable(f"no answer from {where}: {_reason(error)}")
        case exceptions.BotoCoreError():
            return SqsRefused(f"{doing} at {where} failed: {_line(str(error))}")
        case _:
            return SqsRefused(f"the client for {where} failed: {type(error).__name__}")


def _answered(error: exceptions.ClientError, where: str, doing: str) -> SockqError:
    details: Any = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(details.get("Code", "")).rpartition(".")[2] or str(status)
    message = _line(str(details.get("Message", "")))
    if status >= _SERVER_FAULT or code in _PASSING:
        return BackendUnavailable(f"{where} is not ready: {code} {message}".rstrip())
    if code in _NO_QUEUE:
        return SqsRefused(f"{doing}: there is no such queue at {where}", code)
    step = _NEXT_STEPS.get(code)
    text = f"{where} refuses {doing}: {code} {message}".rstrip(". ")
    return SqsRefused(f"{text}; {step}" if step else text, code)


def passing(code: str, *, sender_fault: bool) -> bool:
    """Whether one entry of a batch failed for a reason that passes."""
    return not sender_fault or code.rpartition(".")[2] in _PASSING


def _reason(error: Exception) -> str:
    text = str(error).lower()
    for sign, reason in (
        ("name or service not known", "its name is not known"),
        ("nodename nor servname", "its name is not known"),
        ("temporary failure in name resolution", "its name cannot be looked up now"),
        ("closed", "the connection was closed"),
        ("proxy", "the proxy failed"),
        ("could not connect", "the connection is refused"),
    ):
        if sign in text:
            return reason
    return type(error).__name__


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
