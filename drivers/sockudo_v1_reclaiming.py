"""Which leases a reclaim looks at, in calls of bounded size that keep the queue's order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from sockq.drivers.sockudo_v1_format import PREFIX_LENGTH, RECEIPT_LENGTH

#: Leases that one call of the script gives back, and claims that it looks at.
RECLAIM_CHUNK: Final = 500

#: By claim, latest first: members of the deadlines; none: the whole claim.
Claims = Mapping[str, list[bytes]]


def all_of(claims: Iterable[bytes]) -> Claims:
    """Return what to ask for to end everything that these claims hold."""
    return {claim.decode(): [] for claim in sorted(claims, reverse=True)}


def expired(members: Iterable[bytes]) -> dict[str, Claims]:
    """Sort members of the deadlines (``lua/sockudo_v1_claims.lua``) by owner and claim."""
    by_owner: dict[str, dict[str, list[bytes]]] = {}
    for member in sorted(members, key=_claim_of, reverse=True):
        length = PREFIX_LENGTH if member.startswith(b"b") else RECEIPT_LENGTH
        owner = by_owner.setdefault(member[1 + length :].decode(), {})
        owner.setdefault(_claim_of(member).decode(), []).append(member)
    return dict(by_owner)


def _claim_of(member: bytes) -> bytes:
    return member[1 : 1 + PREFIX_LENGTH]


def reclaim_calls(claims: Claims) -> Iterator[tuple[list[str], list[str | bytes | int]]]:
    """Yield the claims of each call and its arguments: the latest claims first."""
    remaining = iter(claims.items())
    while chunk := list(islice(remaining, RECLAIM_CHUNK)):
        args: list[str | bytes | int] = []
        for claim, members in chunk:
            args += (claim, len(members), *members)
        yield [claim for claim, _ in chunk], args
