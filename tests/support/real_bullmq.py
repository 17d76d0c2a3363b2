"""BullMQ 1.91 itself, for tests of queues that both use. Needs node and npm.

It is installed once into the user's cache directory (``SOCKQ_NODE_CACHE`` names another one).
Where that cannot be done, a test is skipped; in continuous integration (``CI`` set) it fails.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.redis_server import RedisServer

_HERE = Path(__file__).with_name("node")
_INSTALL_SECONDS = 50
_STEP_SECONDS = 20

#: What soketi gives its jobs.
SOKETI_OPTS = {
    "attempts": 6,
    "backoff": {"type": "exponential", "delay": 1000},
    "removeOnComplete": True,
    "removeOnFail": True,
}


def node_modules() -> Path:
    """The directory of the installed packages; installs them when they are not there."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            _give_up(f"{program} is not on PATH")
    wanted = (_HERE / "package.json").read_bytes()
    home = _cache() / f"node-{sha256(wanted).hexdigest()[:12]}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = home / "installed"
        if not done.exists():
            (home / "package.json").write_bytes(wanted)
            _install(home)
            done.touch()
    return home / "node_modules"


def _cache() -> Path:
    named = os.environ.get("SOCKQ_NODE_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sockq-tests"


def _install(home: Path) -> None:
    command = ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run(
            command,
            cwd=home,
            check=True,
            timeout=_INSTALL_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except subprocess.TimeoutExpired:
        _give_up("npm install takes too long")
    except subprocess.CalledProcessError as error:
        _give_up(f"npm install failed: {error.stdout[-500:]}")


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"no real BullMQ: {reason}")
    pytest.skip(f"no real BullMQ: {reason}")


class RealBullmq:
    """One queue, as BullMQ's own classes work on it. See ``node/bullmq.js``."""

    def __init__(self, server: RedisServer, prefix: str, queue: str, modules: Path) -> None:
        self._arguments = [str(_HERE / "bullmq.js"), str(server.port), prefix, queue]
        self._environment = os.environ | {"NODE_PATH": str(modules)}

    async def start(self, action: str, **given: object) -> asyncio.subprocess.Process:
        """Start one step and return its process."""
        return await asyncio.create_subprocess_exec(
            "node",
            *self._arguments,
            action,
            json.dumps(given),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )

    async def step(self, action: str, **given: object) -> dict[str, Any]:
        """Do one step and return what it says."""
        process = await self.start(action, **given)
        try:
            async with asyncio.timeout(_STEP_SECONDS):
                out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0
        answer: dict[str, Any] = json.loads(out)
        return answer

    async def add(self, data: object) -> str:
        """Add a job as soketi does; returns its id."""
        return str((await self.step("add", data=data, opts=SOKETI_OPTS))["id"])

    async def fail_one(self, reason: str) -> dict[str, Any]:
        """A worker takes one job, waiting for it, and fails it."""
        return await self.step("work", fail=reason, promote=True)

    async def complete_one(self) -> dict[str, Any]:
        """A worker takes one job, waiting for it, and completes it; a scheduler runs beside."""
        return await self.step("work", fail=None, promote=True)
