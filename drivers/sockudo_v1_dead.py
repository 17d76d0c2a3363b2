"""The dead letters of a Sockudo v1 list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sockq.drivers.durations import whole_ms
from sockq.drivers.lua_scripts import LuaScripts, Script, load
from sockq.drivers.sockudo_v1_format import Keys, decode
from sockq.drivers.source import DeadLetter, DeadPage

#: Letters that one call moves or removes.
_CHUNK: Final = 256
_DEAD_PAGE: Final = load("sockudo_v1_dead_page")
_DROP: Final = load("sockudo_v1_drop")
_REPLAY: Final = load("sockudo_v1_replay")
_TRIM: Final = load("sockudo_v1_trim")


class DeadLetters:
    """Reads, puts back and removes; see the verbs of ``Source``."""

    def __init__(self, scripts: LuaScripts, keys: Keys) -> None:
        self._scripts = scripts
        self._keys = keys

    async def page(self, cursor: str | None, limit: int) -> DeadPage:
        """Return one page; the cursor is the time and id of the last letter seen."""
        died_at_ms, _, last_id = (cursor or "").partition(":")
        *flat, more = await self._scripts.run(
            _DEAD_PAGE, (self._keys.dead, self._keys.dead_jobs), (limit, died_at_ms, last_id)
        )
        letters = [
            _letter(id_, died, stored)
            for id_, died, stored in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        ]
        if not more or not letters:
            return DeadPage(letters, None)
        return DeadPage(letters, f"{letters[-1].died_at_ms}:{letters[-1].id}")

    async def replay(
        self, ids: Sequence[str], payloads: Mapping[str, bytes] | None = None
    ) -> list[bool]:
        """Make letters ready again; False: no such letter."""
        keys, instead = self._keys, payloads or {}
        groups = [(id_, instead.get(id_, b"")) for id_ in ids]
        return await self._for_each(_REPLAY, (keys.dead, keys.dead_jobs, keys.ready), groups)

    async def drop(self, ids: Sequence[str]) -> list[bool]:
        """Remove letters for good; False: no such letter."""
        return await self._for_each(
            _DROP, (self._keys.dead, self._keys.dead_jobs), [(id_,) for id_ in ids]
        )

    async def trim(self, most: int, older_than_seconds: float) -> int:
        """Remove the oldest beyond a number and an age; return how many."""
        keys = self._keys.dead, self._keys.dead_jobs
        args = most, whole_ms(older_than_seconds)
        return int(await self._scripts.run(_TRIM, keys, args))

    async def _for_each(
        self, script: Script, keys: Sequence[str], groups: Sequence[tuple[str | bytes, ...]]
    ) -> list[bool]:
        results: list[bool] = []
        for first in range(0, len(groups), _CHUNK):
            args = [argument for group in groups[first : first + _CHUNK] for argument in group]
            results += map(bool, await self._scripts.run(script, keys, args))
        return results


def _letter(id_: bytes, died_at_ms: bytes, stored: bytes) -> DeadLetter:
    record = decode(stored)
    return DeadLetter(
        id=id_.decode(),
        payload=record.payload,
        reason=record.reason,
        died_at_ms=int(died_at_ms),
        attempt=record.attempt,
        state=record.state,
        crashes=record.crashes,
    )
