"""Pusher's signature: lower-case hex HMAC-SHA256 of the body's bytes under the app's secret."""

from __future__ import annotations

from binascii import hexlify
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest

_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Signer:
    """Signs bodies under one secret.

    The two padded keys of HMAC (RFC 2104) are hashed once; every signature starts from copies,
    which measured less than half of ``hmac.new``.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: str) -> None:
        key = secret.encode()
        if len(key) > _BLOCK_BYTES:
            key = sha256(key).digest()
        key = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(key.translate(_INNER))
        self._outer = sha256(key.translate(_OUTER))

    def __repr__(self) -> str:
        return "Signer(…)"

    def sign(self, body: bytes) -> bytes:
        """The value of ``X-Pusher-Signature`` for this body: 64 hex digits."""
        inner = self._inner.copy()
        inner.update(body)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return hexlify(outer.digest())


@lru_cache(maxsize=1024)
def signer_for(secret: str) -> Signer:
    """The signer of a secret; the last 1024 secrets are kept ready."""
    return Signer(secret)


def verify(secret: str, body: bytes, signature: str | bytes) -> bool:
    """Whether ``signature`` (64 lower-case hex digits) is the body's, in constant time."""
    given = signature.encode("utf-8", "replace") if isinstance(signature, str) else signature
    return compare_digest(signer_for(secret).sign(body), given)
