"""Fleets of stub workers; import the fixture into a conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fleet_run import FleetRun

Start = Callable[..., FleetRun]


@pytest.fixture
def start(socket_dir: Path) -> Iterator[Start]:
    """Start fleets in one directory; after the test nothing of them is left."""
    runs: list[FleetRun] = []

    def begin(**options: Any) -> FleetRun:
        runs.append(FleetRun(socket_dir, **options))
        return runs[-1]

    yield begin
    for run in runs:
        run.end()
