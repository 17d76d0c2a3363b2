"""What a message carries: the job's bytes, and what sockq knows of the job in message attributes.

A message without attributes is a job as a server sent it. One that sockq sent again says in
``sockq.*`` attributes what the first one was called, and how far the job has come.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from typing import Any, Final

import msgspec

from sockq.drivers.job import Lease

#: What ``ReceiveMessage`` has to be asked for.
SYSTEM_ATTRIBUTES: Final = ["ApproximateReceiveCount", "MessageGroupId", "SentTimestamp"]
MESSAGE_ATTRIBUTES: Final = ["All"]

_ID: Final = "sockq.id"
_ATTEMPTS: Final = "sockq.attempts"
_CRASHES: Final = "sockq.crashes"
_STATE: Final = "sockq.state"
_DUE: Final = "sockq.due_ms"
_REASON: Final = "sockq.reason"
_DIED: Final = "sockq.died_ms"
_GROUP: Final = "sockq.group"
_ENCODING: Final = "sockq.encoding"

#: What SQS takes in a body (the characters of XML); the rest is refused.
_NOT_ALLOWED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME: Final = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_LONGEST_ID_BYTES: Final = 512
_LONGEST_REASON: Final = 1_000


class Message(msgspec.Struct, gc=False):
    """One received message.

    Attributes:
        message_id: SQS's, of this message.
        handle: Receipt handle of this receive.
        body: The job; None where the message has none.
        receives: How often SQS has given it out.
        group: Its message group, or None.
        id: The job's.
        attempts: Charged so far.
        crashes: Owners that died with it.
        unexplained: How many of these are receives that nothing explains (``sqs_records``).
        state: Of the last settlement.
        due_ms: Unix time before which nobody should work on it; 0: at once.
        sent_ms: Unix time of its sending.
        deadline: Monotonic time at which SQS gives it to somebody else.
        recorded: Something is stored beside it (``sqs_records``).
    """

    message_id: str
    handle: str
    body: bytes | None
    receives: int
    group: str | None
    id: str
    attempts: int = 0
    crashes: int = 0
    unexplained: int = 0
    state: bytes = b""
    due_ms: int = 0
    sent_ms: int = 0
    deadline: float = 0.0
    recorded: bool = False


class Burial(msgspec.Struct, frozen=True):
    """What a dead letter says beside its job."""

    reason: str
    died_ms: int
    group: str | None = None


class _JobId(msgspec.Struct):
    job_id: str | None = None


_JOB_ID = msgspec.json.Decoder(_JobId)


def read(raw: dict[str, Any], deadline: float) -> tuple[Message, Burial]:
    """Read one message of a ``ReceiveMessage`` answer.

    Args:
        raw: The message as boto3 returns it.
        deadline: Monotonic time until which it is ours.

    Returns:
        The message, and what it says as a dead letter.
    """
    system: dict[str, str] = raw.get("Attributes") or {}
    given: dict[str, Any] = raw.get("MessageAttributes") or {}
    body = _body(raw.get("Body"), _text(given, _ENCODING))
    sent_ms = int(system.get("SentTimestamp", 0))
    receives = int(system.get("ApproximateReceiveCount", 1))
    message = Message(
        message_id=raw["MessageId"],
        handle=raw["ReceiptHandle"],
        body=body,
        receives=receives,
        group=system.get("MessageGroupId"),
        id=_text(given, _ID) or job_id(body) or raw["MessageId"],
        attempts=_number(given, _ATTEMPTS),
        crashes=_number(given, _CRASHES),
        state=bytes(given.get(_STATE, {}).get("BinaryValue", b"")),
        due_ms=_number(given, _DUE),
        sent_ms=sent_ms,
        deadline=deadline,
    )
    reason = _text(given, _REASON) or "moved here by SQS, not by sockq"
    return message, Burial(reason, _number(given, _DIED) or sent_ms, _text(given, _GROUP))


def job_id(body: bytes | None) -> str | None:
    """The id that Sockudo 5 writes into its jobs, if this is one.

    A hash of it where an attribute of ours could not carry it.
    """
    try:
        found = _JOB_ID.decode(body or b"").job_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not found:
        return None
    fits = len(found.encode()) <= _LONGEST_ID_BYTES and not _NOT_ALLOWED.search(found)
    return found if fits else hash_of(found)


def attributes(
    lease: Lease, *, attempts: int, state: bytes, due_ms: int = 0, burial: Burial | None = None
) -> dict[str, Any]:
    """Return the message attributes of a job that is sent again.

    Args:
        lease: The job.
        attempts: Charged so far.
        state: Opaque; empty is not written.
        due_ms: See ``Message``.
        burial: For a dead letter.
    """
    found: dict[str, Any] = {_ID: _string(lease.id)}
    for name, number in (
        (_ATTEMPTS, attempts),
        (_CRASHES, lease.crashes),
        (_DUE, due_ms),
        (_DIED, burial.died_ms if burial else 0),
    ):
        if number:
            found[name] = {"DataType": "Number", "StringValue": str(number)}
    if state:
        found[_STATE] = {"DataType": "Binary", "BinaryValue": state}
    if burial:
        reason = _NOT_ALLOWED.sub("\ufffd", burial.reason)[:_LONGEST_REASON]
        found[_REASON] = _string(reason or "no reason given")
        if burial.group:
            found[_GROUP] = _string(burial.group)
    return found


def entry(
    payload: bytes, given: dict[str, Any], most_bytes: int, *, pack: bool = False
) -> dict[str, Any] | None:
    """Return an entry of ``SendMessageBatch``; None if it is too large.

    Args:
        payload: The job. May be empty, which a body may not.
        given: Message attributes.
        most_bytes: The queue's limit for body and attributes together.
        pack: Compress what is too large; only where sockq alone reads the queue.
    """
    found = {"MessageBody": payload.decode(), "MessageAttributes": given}
    if not payload:
        found = {"MessageBody": "-", "MessageAttributes": {**given, _ENCODING: _string("empty")}}
    elif pack and size_bytes(found) > most_bytes:
        packed = base64.b85encode(zlib.compress(payload)).decode()
        found = {"MessageBody": packed, "MessageAttributes": {**given, _ENCODING: _string("zlib")}}
    return found if size_bytes(found) <= most_bytes else None


def size_bytes(found: dict[str, Any]) -> int:
    """How much of the queue's limit an entry uses: its body, and names, types and values."""
    size = len(found["MessageBody"].encode())
    for name, value in found.get("MessageAttributes", {}).items():
        size += len(name) + len(value["DataType"])
        size += len(value.get("BinaryValue", b"")) + len(value.get("StringValue", "").encode())
    return size


def forbidden(payload: bytes) -> str | None:
    """Why SQS cannot carry these bytes; None: it can."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    found = _NOT_ALLOWED.search(text)
    if found:
        return f"it contains the character U+{ord(found[0]):04X}"
    return None if payload else "it is empty"


def name_of(text: str) -> str:
    """Return ``text`` where it may be a group or de-duplication id, else a hash of it."""
    return text if _NAME.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()


def hash_of(text: str) -> str:
    """Return an id for something named by a text that cannot be one."""
    return hashlib.sha256(text.encode()).hexdigest()


def _body(body: str | None, encoding: str | None) -> bytes | None:
    if not body:
        return None
    match encoding:
        case "empty":
            return b""
        case "zlib":
            try:
                return zlib.decompress(base64.b85decode(body))
            except (ValueError, zlib.error):
                return body.encode(errors="replace")
        case _:
            return body.encode(errors="replace")  # SQS passes no lone surrogate; others may


def _string(text: str) -> dict[str, Any]:
    return {"DataType": "String", "StringValue": text}


def _text(given: dict[str, Any], name: str) -> str | None:
    text = given.get(name, {}).get("StringValue")
    return text if isinstance(text, str) and text else None


def _number(given: dict[str, Any], name: str) -> int:
    text = _text(given, name) or "0"
    return int(text) if text.isdecimal() else 0
