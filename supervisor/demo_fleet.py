"""The demo's fleet: the real ``sockq run`` in a process of its own, which ends with the demo."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from sockq.supervisor.tethered import LOG_NAME, tethered

_STOP_SECONDS: Final = 30.0
#: Variables that would make the demo something else.
_FOREIGN: Final = (
    "QUEUE_",
    "REDIS_",
    "DATABASE_",
    "APP_MANAGER_",
    "SOCKUDO_",
    "SOKETI_",
    "SOCKQ_",
    "MODE",
)


class DemoFleet:
    """A fleet in its own session, so that Ctrl-C reaches the demo alone, which then stops it."""

    def __init__(self, config: Path, directory: Path) -> None:
        given = ("--mode", "worker", "--config", str(config), "--dir", str(directory))
        self._command = tethered("run", *given)
        self._log = directory / LOG_NAME
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, environ: Mapping[str, str]) -> None:
        """Start it."""
        with self._log.open("wb") as log:
            self._process = await self._spawn(log, environ)

    async def _spawn(
        self, log: IO[bytes], environ: Mapping[str, str]
    ) -> asyncio.subprocess.Process:
        own = {name: text for name, text in environ.items() if not name.startswith(_FOREIGN)}
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=own,
            start_new_session=True,
        )

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        assert self._process is not None
        return self._process.returncode

    async def ended(self) -> None:
        """Wait for its end."""
        assert self._process is not None
        await self._process.wait()

    def last_words(self) -> list[str]:
        """The last lines that it printed."""
        return self._log.read_text(errors="replace").splitlines()[-5:]

    async def stop(self) -> None:
        """TERM, wait for the drain, and as a last resort KILL."""
        if self._process is None or self.exit_code is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
