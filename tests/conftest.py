"""Fixtures that several areas share, and explained assertions in the shared helpers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("support", "drivers.contract")


@pytest.fixture
def socket_dir() -> Iterator[Path]:
    """Return a new directory with a short path: Unix sockets allow about 100 characters."""
    path = Path(tempfile.mkdtemp(prefix="sq"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
