"""The look into a backend after a fleet's end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from support.chaos.backends import running_backend
from support.chaos.inspection import Inspection
from support.chaos.writers import make_writer

from sockq.drivers.registry import make_driver
from sockq.drivers.settings import DriverSettings
from sockq.supervisor.settings import load


def _settings(config: dict[str, object], directory: Path) -> DriverSettings:
    path = directory / "config.json"
    path.write_text(json.dumps(config))
    found = load(path, {"SOCKQ_DIR": str(directory / "run")})
    assert found.fleet is not None, found.faults
    return found.fleet.driver


async def _claim_one(settings: DriverSettings) -> None:
    """As a worker that ends without a word."""
    driver = make_driver(settings)
    await driver.open()
    assert len(await driver.sources[0].claim(1, 1.0, "somebody:w00:7")) == 1
    await driver.close()


def test_what_is_left_is_told_as_often_as_it_is_there(tmp_path: Path) -> None:
    with running_backend("v1") as backend:
        settings = _settings({**backend.config, **backend.apps(["http://127.0.0.1/"])}, tmp_path)
        jobs = [(name, backend.make(name, 1)) for name in ("a-0", "a-1", "a-2", "a-2")]

        async def write() -> None:
            writer = make_writer(backend, settings)
            await writer.write(jobs)
            await writer.close()

        asyncio.run(write())
        asyncio.run(_claim_one(settings))
        left = Inspection(settings).left()
        assert sorted(left.jobs) == [("a-1", 1), ("a-2", 1), ("a-2", 1)]
        assert left.held == 1
