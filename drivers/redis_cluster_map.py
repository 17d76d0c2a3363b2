"""Which node of a Redis Cluster owns which slot. Pure: answers of ``CLUSTER SLOTS`` go in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.crc import key_slot

from sockq.drivers.redis_address import Address

SLOTS: Final = 16_384
#: Commands of ours that carry a number of keys: its place.
_NUMBERED: Final = {"EVAL": 2, "EVALSHA": 2}
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
