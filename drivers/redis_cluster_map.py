"""Which node of a Redis Cluster owns which slot. Pure: what nodes answer goes in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from sockq.drivers.redis_address import Address

SLOTS: Final = 16_384
#: Commands of ours that carry a number of keys: its place.
_NUMBERED: Final = {"EVAL": 2, "EVALSHA": 2}
_REDIRECTION: Final = re.compile(r"(MOVED|ASK) ([0-9]+) (.*):([0-9]+)")
#: Commands of ours without a key: any node will do.
_KEYLESS: Final = frozenset({"PING", "INFO", "TIME"})


def slot_of(args: Sequence[Any]) -> int | None:
    """Return the slot of a command's first key, which all of its keys must share; None: no key.

    Every command that sources send is a script, reads streams or has its first key behind its name.
    """
    name = str(args[0]).upper()
    if name in _KEYLESS:
        return None
    if (place := _NUMBERED.get(name)) is not None:
        if not int(args[place]):
            return None
        key = args[place + 1]
    elif name == "XREAD":
        key = args[[*map(str, args)].index("STREAMS") + 1]
    else:
        key = args[1]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


class Redirection(NamedTuple):
    """Where a node sends a command on to.

    Attributes:
        slot: Of the command.
        node: Who is to have it.
        asking: For this one command only: the slot is on its way.
    """

    slot: int
    node: Address
    asking: bool


def redirection(error: ResponseError, told_by: Address) -> Redirection | None:
    """Read a ``MOVED`` or ``ASK``; None: the error is neither.

    Args:
        error: An answer. Clients before redis-py 6 leave the text as it is.
        told_by: The node; an answer without a host means another port of the same one.
    """
    if isinstance(error, AskError):  # a MovedError is one
        node = Address(error.host or told_by.host, int(error.port))
        return Redirection(int(error.slot_id), node, not isinstance(error, MovedError))
    found = _REDIRECTION.fullmatch(str(error))
    if found is None:
        return None
    node = Address(found[3] or told_by.host, int(found[4]))
    return Redirection(int(found[2]), node, found[1] == "ASK")


def is_told_to_wait(error: ResponseError) -> bool:
    """Whether a node cannot yet serve several keys of a slot that is on its way."""
    return isinstance(error, TryAgainError) or str(error).startswith("TRYAGAIN")


def is_doubtful(error: ResponseError) -> bool:
    """Whether an answer means that the node is not, or no longer, the one to ask."""
    codes = ("CLUSTERDOWN", "MASTERDOWN", "READONLY")
    return isinstance(error, ClusterDownError | ReadOnlyError) or str(error).startswith(codes)


class SlotMap:
    """The owners, as last heard."""

    def __init__(self) -> None:
        self._owners: list[Address | None] = [None] * SLOTS
        #: Every node heard of, masters first.
        self.nodes: tuple[Address, ...] = ()

    def owner(self, slot: int) -> Address | None:
        """The master of a slot; None: nobody."""
        return self._owners[slot]

    def moved(self, slot: int, owner: Address) -> None:
        """Note what a node said of one slot."""
        self._owners[slot] = owner

    def replace(self, answer: Sequence[Sequence[Any]], asked: Address) -> None:
        """Take over an answer to ``CLUSTER SLOTS``.

        Args:
            answer: Ranges: first slot, last slot, then host, port and more of master and replicas.
            asked: Who answered: a node that does not know its own address leaves its host empty.
        """
        owners: list[Address | None] = [None] * SLOTS
        masters: dict[Address, None] = {}
        replicas: dict[Address, None] = {}
        for first, last, master, *others in answer:
            owner = _address(master, asked)
            owners[first : last + 1] = [owner] * (last + 1 - first)
            masters[owner] = None
            replicas |= {_address(other, asked): None for other in others}
        self._owners = owners
        self.nodes = (*masters, *(node for node in replicas if node not in masters))


def _address(node: Sequence[Any], asked: Address) -> Address:
    host, port = node[0], int(node[1])
    text = host.decode() if isinstance(host, bytes) else str(host or "")
    return Address(text if text and text != "?" else asked.host, port)
