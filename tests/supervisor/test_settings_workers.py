"""How many workers a fleet has: the setting, the server's, or the machine's cores."""

from __future__ import annotations

from typing import Any

import pytest
from support.settings_layers import layers

from sockq.supervisor.settings_workers import worker_count


@pytest.mark.parametrize(
    ("content", "environ", "flags", "driver", "cores", "count"),
    [
        (None, {}, {}, "memory", 8, 8),
        (None, {}, {}, "memory", 1, 2),
        (None, {}, {}, "redis", 8, 5),
        (None, {}, {}, "none", 8, 1),
        ({"queue": {"redis": {"concurrency": 3}}}, {}, {}, "redis", 8, 3),
        ({"queue": {"redis": {"concurrency": 3}}}, {}, {}, "memory", 8, 8),
        (
            {"queue": {"redis": {"concurrency": 3}}},
            {"QUEUE_REDIS_CONCURRENCY": "4"},
            {},
            "redis",
            8,
            4,
        ),
        ({"queue": {"redis": {"concurrency": 0}}}, {}, {}, "redis", 8, 8),
        ({"queue": {"redis": {"concurrency": 0}}}, {}, {}, "redis", 1, 2),
        ({"queue": {"redis": {"concurrency": 3}}, "sockq": {"workers": 6}}, {}, {}, "redis", 8, 6),
        ({"sockq": {"workers": 6}}, {"SOCKQ_WORKERS": "7"}, {}, "redis", 8, 7),
        ({"sockq": {"workers": 6}}, {"SOCKQ_WORKERS": "7"}, {"sockq.workers": "9"}, "memory", 8, 9),
    ],
)
def test_the_number_of_workers(
    content: dict[str, Any] | None,
    environ: dict[str, str],
    flags: dict[str, str],
    driver: str,
    cores: int,
    count: int,
) -> None:
    assert worker_count(layers(content, environ, flags), driver, cores).value == count
