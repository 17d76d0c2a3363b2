from __future__ import annotations

import hashlib
import hmac

import pytest

from sockq.workers.delivery_id import delivery_id
from sockq.workers.signing import Signer, signer_for, verify

BODY = b'{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"my-channel"}]}'


def test_the_known_vector() -> None:
    assert len(BODY) == 87
    assert signer_for("app-secret").sign(BODY) == (
        b"fec9fff324b82111ea03affc886e951bec5ee7a9e365bfd05cf254414c990a1a"
    )


@pytest.mark.parametrize("length", [0, 1, 31, 63, 64, 65, 127, 128, 1000])
@pytest.mark.parametrize("letter", ["k", "ž", "\x00", "😀"])
@pytest.mark.parametrize("body", [b"", b"x", BODY, b"\xff" * 100_000])
def test_it_is_hmac(length: int, letter: str, body: bytes) -> None:
    secret = letter * length
    signer = Signer(secret)
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
    assert signer.sign(body) == expected
    assert signer.sign(body) == expected  # copies: the first use leaves no trace
    assert verify(secret, body, expected.decode())


@pytest.mark.parametrize("signature", ["", "0" * 64, "ž", "\ud800", b"", b"\xff"])
def test_wrong_signatures_are_refused(signature: str | bytes) -> None:
    assert not verify("app-secret", BODY, signature)
    assert not verify("app-secret", BODY, Signer("app-secret").sign(BODY).upper())


def test_the_secret_is_not_shown_and_the_cache_is_bounded() -> None:
    assert "hidden" not in repr(Signer("hidden"))
    assert signer_for("one") is signer_for("one")
    for index in range(3000):
        signer_for(f"secret {index}")
    info = signer_for.cache_info()
    assert info.maxsize is not None
    assert info.currsize <= info.maxsize <= 4096


def test_delivery_ids() -> None:
    assert delivery_id("job-1", "aa") == b"job-1:aa"
    assert delivery_id("job-1", "bb") != delivery_id("job-1", "aa")
    assert delivery_id("x" * 128, "t") == b"x" * 128 + b":t"


@pytest.mark.parametrize("job", ["a b", "a\r\nX: y", "ž", "x" * 129, "\t", "\ud800", "\x7f"])
def test_ids_that_cannot_be_a_header_are_hashed(job: str) -> None:
    made = delivery_id(job, "aa")
    assert made == delivery_id(job, "aa")
    assert len(made) == 35
    assert all(0x21 <= byte < 0x7F for byte in made)
    assert made != delivery_id(job + "y", "aa")
