"""What a Sockudo 5 queue stores for a job: an envelope, or the bare job of a packed frame.

Envelope, as the server writes it: ``{"version":2,"id":"<id>","data":{…the job…}}``. Both forms may
end in sockq's note, a last field ``"sockq":"<crashes>.<base64 of the state>"`` which the server
ignores and keeps (``lua/v2_note.lua`` writes it). The job itself is always cut from the stored
bytes, never encoded anew.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Final, NamedTuple

import msgspec

_LONGEST_ID_BYTES: Final = 512
_VERSION: Final = msgspec.Raw(b"2")
_MARK: Final = b',"sockq":"'
_NOTE: Final = re.compile(rb',"sockq":"(\d{1,9})\.([A-Za-z0-9+/=]*)"(}\s*)\Z')
_NOTHING: Final = msgspec.Raw(b"")


class Stored(NamedTuple):
    """A stored payload, taken apart.

    Attributes:
        payload: The job exactly as the server wrote it.
        state: Opaque; ``b""`` when there is none.
        crashes: How many owners died while they held it.
    """

    payload: bytes
    state: bytes
    crashes: int


class _Shape(msgspec.Struct):
    version: msgspec.Raw = _NOTHING
    id: msgspec.Raw = _NOTHING
    data: msgspec.Raw = _NOTHING
    app_id: msgspec.Raw = _NOTHING
    payload: msgspec.Raw = _NOTHING


class _Times(msgspec.Struct):
    time_ms: int


class _Timed(msgspec.Struct):
    payload: _Times


_decode_shape: Final = msgspec.json.Decoder(_Shape).decode
_decode_text: Final = msgspec.json.Decoder(str).decode
_decode_timed: Final = msgspec.json.Decoder(_Timed).decode


def read_stored(id_: str, stored: bytes) -> Stored | None:
    """Take a stored payload apart; None: neither an envelope of this job nor a bare job.

    The server's rule: an envelope counts if its version is 2 and its id is the job's; else the
    whole is tried as a bare job.
    """
    if not stored.isascii() and not _is_utf8(stored):
        return None
    try:
        shape = _decode_shape(stored)
        if shape.data and shape.version == _VERSION and _decode_text(shape.id) == id_:
            payload = bytes(shape.data)
            if _MARK not in stored:
                return Stored(payload, b"", 0)
            return Stored(payload, *split_note(stored)[1:])
    except (msgspec.DecodeError, RecursionError):
        return None
    if shape.app_id and shape.payload:
        return split_note(stored)
    return None


def split_note(stored: bytes) -> Stored:
    """Separate sockq's note from stored bytes of any kind."""
    at = stored.rfind(_MARK)
    note = _NOTE.match(stored, at) if at > 0 else None
    if note is None:
        return Stored(stored, b"", 0)
    try:
        state = decode_state(note[2])
    except Base64Error:
        return Stored(stored, b"", 0)
    return Stored(stored[:at] + note[3], state, int(note[1]))


def envelope(id_: str, payload: bytes) -> bytes:
    """Return the envelope of a job, its bytes as they are.

    Raises:
        ValueError: the payload is not a JSON object in UTF-8, or the id not text of 1 to 512 bytes,
            which is all this format can hold.
    """
    try:
        id_bytes = len(id_.encode())
    except UnicodeEncodeError:
        id_bytes = 0
    if not 1 <= id_bytes <= _LONGEST_ID_BYTES:
        raise ValueError(f"an id must be text of 1 to {_LONGEST_ID_BYTES} bytes")
    try:
        payload.decode()
        _decode_shape(payload)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise ValueError("a payload must be a JSON object in UTF-8") from None
    return b'{"version":2,"id":' + msgspec.json.encode(id_) + b',"data":' + payload + b"}"


def encode_state(state: bytes) -> bytes:
    """Return a state as it stands in the note."""
    return b2a_base64(state, newline=False) if state else b""


def decode_state(text: bytes) -> bytes:
    """Reverse ``encode_state``; raises ``binascii.Error``."""
    return a2b_base64(text) if text else b""


def id_text(raw_id: bytes) -> str | None:
    """Return a job's id as text; None for what no server writes: bytes that are not UTF-8."""
    try:
        return raw_id.decode()
    except UnicodeDecodeError:
        return None


def event_time_ms(raw_id: bytes, stored: bytes) -> int | None:
    """Return when a stored job's events happened by the producer's clock; None: it does not say."""
    id_ = id_text(raw_id)
    read = read_stored(id_, stored) if id_ else None
    if read is None:
        return None
    try:
        return _decode_timed(read.payload).payload.time_ms
    except (msgspec.DecodeError, RecursionError):
        return None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
