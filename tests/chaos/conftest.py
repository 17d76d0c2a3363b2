"""Scenarios: ``with chaos(workers=3) as rig`` is the world of one, on the source of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.chaos.backends import Backend, running_backend
from support.chaos.rig import Rig
from support.chaos.scenario import is_selected

Chaos = Callable[..., Rig]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("chaos"):
            item.add_marker(pytest.mark.system)
    unwanted = [item for item in items if not is_selected(item)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if is_selected(item)]


@pytest.fixture
def backend(source: str) -> Iterator[Backend]:
    """The source's backend, for this test alone."""
    with running_backend(source) as running:
        yield running


@pytest.fixture
def chaos(request: pytest.FixtureRequest, backend: Backend) -> Chaos:
    """Make the world of this scenario; its arguments are those of ``Rig``."""
    mark = request.node.get_closest_marker("chaos")
    title = request.node.originalname.removeprefix("test_").replace("_", " ")

    def make(**settings: Any) -> Rig:
        return Rig(backend, mark.args[0], title, **settings)

    return make
