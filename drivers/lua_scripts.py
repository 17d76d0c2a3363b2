"""Server-side scripts: read from ``drivers/lua``, put together, run by their hash.

A script is one file, headed by ``#!lua`` and a comment with its keys, arguments and result. A line
``-- @include NAME`` is replaced by ``NAME.lua`` (functions shared by scripts) less its first line.

``#!lua`` makes servers from 7.0 on refuse keys that were not declared. Older servers do not know
the line; for them it is taken off and effects are replicated instead of the script, because scripts
read the server's clock before they write (the default since 7.0). ``flags=allow-oom``, by which a
script runs on a server that is out of memory, becomes a first write that needs none: those servers
look at their memory only until a script has written. That write takes any expiry off the first key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final

from redis.exceptions import NoScriptError

from sockq.drivers.errors import BackendRefused
from sockq.drivers.redis_client import RedisClient

_INCLUDE: Final = re.compile(r"^-- @include (\w+)$", re.MULTILINE)
_LEGACY_HEAD: Final = "redis.replicate_commands()"
_LEGACY_ALLOW_OOM: Final = " if KEYS[1] then redis.call('PERSIST', KEYS[1]) end"
#: How a server before 7.0 refuses ``#!lua``.
_UNKNOWN_SHEBANG: Final = "user_script:1: unexpected symbol near '#'"


class Script:
    """One script in the two texts that servers from and before 7.0 take."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        shebang, newline, body = text.partition("\n")
        if not shebang.startswith("#!lua"):
            raise ValueError(f"{name}.lua must start with #!lua")
        self.text = text
        self.sha = _sha(text)
        # The head takes the shebang's place, so that line numbers in errors stay right.
        head = _LEGACY_HEAD + (_LEGACY_ALLOW_OOM if "allow-oom" in shebang else "")
        self.legacy_text = f"{head}{newline}{body}"
        self.legacy_sha = _sha(self.legacy_text)


class LuaScripts:
    """Runs scripts on one backend; remembers which text it takes."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._legacy = False

    async def run(self, script: Script, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        """Run ``script`` and return its answer. Raises as ``RedisClient.command``."""
        sha = script.legacy_sha if self._legacy else script.sha
        try:
            return await self._client.command("EVALSHA", sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self._load_and_run(script, keys, args)

    async def _load_and_run(self, script: Script, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        # EVAL loads and runs in one step, and goes to the right node of a cluster by its keys.
        legacy = self._legacy  # another run may find out while this one waits
        text = script.legacy_text if legacy else script.text
        try:
            return await self._client.command("EVAL", text, len(keys), *keys, *args)
        except BackendRefused as error:
            if legacy or _UNKNOWN_SHEBANG not in str(error):
                raise
        self._legacy = True
        return await self._client.command("EVAL", script.legacy_text, len(keys), *keys, *args)


@cache
def load(name: str) -> Script:
    """Return the script ``drivers/lua/NAME.lua``, its includes put in."""
    return Script(name, _read(name))


def _read(name: str) -> str:
    text = files("sockq.drivers").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda found: _read(found[1]).partition("\n")[2], text)


def _sha(text: str) -> str:
    return sha1(text.encode(), usedforsecurity=False).hexdigest()
