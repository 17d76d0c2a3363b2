"""Endpoints that the operator has disabled: what is known of them, and their place on the board.

The parent writes, workers and readers look; standard library only, because the parent writes it.
The same bytes stand in a file of the fleet's directory, for the next parent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final

from sockq.workers.seqlock import HEAD_BYTES, read_bytes, write_bytes

_HEAD_BYTES: Final = 64
_BLOCK_BYTES: Final = 64 * 1024
_NEVER_MS: Final = 1 << 52
#: Of an encoded list: some 250 endpoints.
MOST_BYTES: Final = _BLOCK_BYTES - HEAD_BYTES

REGION_BYTES: Final = _HEAD_BYTES + 2 * _BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Disabled:
    """An endpoint to which nothing is sent.

    Attributes:
        id: As its row has it (``EndpointRow.id``): names it without its URL, which may be secret.
        app: Id of its app.
        label: Where it is, safe to show.
        since_ms: Unix time.
        by: Who disabled it.
    """

    id: str
    app: str
    label: str
    since_ms: int
    by: str


def encode(endpoints: Iterable[Disabled]) -> bytes:
    """Write a list, an endpoint to a line.

    Raises:
        ValueError: It is longer than its place on the board.
    """
    lines = [json.dumps(asdict(one), ensure_ascii=False) for one in endpoints]
    data = ("[" + ",\n ".join(lines) + "]\n").encode("utf-8", "replace")
    if len(data) > MOST_BYTES:
        raise ValueError(f"there is no room for {len(lines)} disabled endpoints")
    return data


def decode(data: bytes) -> tuple[Disabled, ...]:
    """Read what ``encode`` wrote, or somebody by hand.

    Raises:
        ValueError: It is something else; one line.
    """
    try:
        found = json.loads(data)
    except RecursionError:
        raise ValueError("it is no list of endpoints") from None
    if not isinstance(found, list):
        raise ValueError("it is no list of endpoints")  # noqa: TRY004 - the text's fault, as above
    return tuple(_endpoint(one, number) for number, one in enumerate(found, 1))


def _endpoint(value: object, number: int) -> Disabled:
    if not isinstance(value, dict):
        raise ValueError(f"entry {number} is no object")  # noqa: TRY004 - the same
    given: Mapping[str, object] = value
    kept: dict[str, str | int] = {}
    for field in fields(Disabled):
        found = given.get(field.name)
        kind = int if field.name == "since_ms" else str
        wrong = isinstance(found, bool) or (isinstance(found, int) and not 0 <= found < _NEVER_MS)
        if wrong or not isinstance(found, kind):
            raise ValueError(f"entry {number} has no usable {field.name}")
        kept[field.name] = found
    return Disabled(**kept)  # type: ignore[arg-type]  # checked just now


class DisabledList:
    """The list on the board: two blocks, written in turn, so that one of them is always whole."""

    def __init__(self, region: memoryview) -> None:
        self._read: tuple[int, tuple[Disabled, ...]] = (0, ())
        self._words = region[:_HEAD_BYTES].cast("Q")
        self._region = region

    def write(self, endpoints: Iterable[Disabled]) -> None:
        """Show the list.

        Raises:
            ValueError: It is too long; nothing was changed.
        """
        data = encode(endpoints)
        number = self._words[0] + 1
        write_bytes(self._block(number), data)
        self._words[0] = number

    def read(self) -> tuple[Disabled, ...]:
        """The list as it is now; the same object until it changes."""
        number = self._words[0]
        if number != self._read[0]:
            data = read_bytes(self._block(number))
            if not data:  # written over, twice, while it was read: what is known holds until then
                return self._read[1]
            self._read = number, decode(data)
        return self._read[1]

    def _block(self, number: int) -> memoryview:
        at = _HEAD_BYTES + number % 2 * _BLOCK_BYTES
        return self._region[at : at + _BLOCK_BYTES]
