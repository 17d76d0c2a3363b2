"""Whose configuration it is, told by keys and variables; dotted and nested keys made one tree."""

from __future__ import annotations

from typing import Any

import pytest

from sockq.supervisor.settings_dotted import spread
from sockq.supervisor.settings_server import whose


@pytest.mark.parametrize(
    ("document", "environ", "server"),
    [
        ({}, {}, "Sockudo"),
        ({"queue": {"driver": "redis"}}, {}, "Sockudo"),
        ({"queue": {"driver": "redis", "redis": {"concurrency": 0}}, "port": 6001}, {}, "Sockudo"),
        ({"sockq.workers": 2}, {}, "Sockudo"),
        ({"queue.driver": "redis"}, {}, "soketi"),
        ({"appManager": {"driver": "array"}}, {}, "soketi"),
        ({"database": {"redis": {"keyPrefix": "p:"}}}, {}, "soketi"),
        ({"queue": {"redis": {"redisOptions": {}}}}, {}, "soketi"),
        ({"queue": {"driver": "sync"}}, {}, "soketi"),
        ({"shutdownGracePeriod": 1}, {}, "soketi"),
        ({}, {"SOKETI_QUEUE_DRIVER": "redis"}, "soketi"),
        ({"queue": {"driver": "redis"}}, {"SOKETI_DB_REDIS_HOST": "h"}, "soketi"),
        ({}, {"SOKETI_QUEUE_DRIVER": ""}, "Sockudo"),
        ({}, {"SOKETI_PORT": "tcp://10.0.0.1:6001", "SOKETI_SERVICE_HOST": "x"}, "Sockudo"),
        ({}, {"DB_REDIS_HOST": "h"}, "soketi"),
        ({}, {"QUEUE_REDIS_OPTIONS": "{}"}, "soketi"),
        ({}, {"DB_REDIS_HOST": "h", "REDIS_URL": "redis://h"}, "Sockudo"),
        ({"queue": {"driver": "redis"}}, {"DB_REDIS_HOST": "h"}, "Sockudo"),
        ({"app_manager": {}}, {"DB_REDIS_HOST": "h"}, "Sockudo"),
    ],
)
def test_whose_it_is(document: dict[str, Any], environ: dict[str, str], server: str) -> None:
    assert whose(document, environ) == (server, None)


@pytest.mark.parametrize(
    ("document", "environ", "parts"),
    [
        (
            {"app_manager": {}},
            {"SOKETI_QUEUE_DRIVER": "redis"},
            ("SOKETI_QUEUE_DRIVER", "app_manager"),
        ),
        ({"app_manager": {}, "appManager": {}}, {}, ('"appManager"', '"app_manager"')),
    ],
)
def test_a_mixture_is_a_fault(
    document: dict[str, Any], environ: dict[str, str], parts: tuple[str, ...]
) -> None:
    _, fault = whose(document, environ)
    assert fault is not None
    for part in parts:
        assert part in fault


@pytest.mark.parametrize(
    ("content", "tree"),
    [
        ({"a.b.c": 1}, {"a": {"b": {"c": 1}}}),
        ({"a": {"b": {"c": 1}}, "a.b.d": 2}, {"a": {"b": {"c": 1, "d": 2}}}),
        ({"a.b.d": 2, "a": {"b": {"c": 1}}}, {"a": {"b": {"d": 2, "c": 1}}}),
        ({"a": {"b.c": 1}}, {"a": {"b": {"c": 1}}}),
        ({"a.b": 1, "a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": 1, "a.b": 2}, {"a": {"b": 2}}),
        ({"leaf": {"x.y": 1}}, {"leaf": {"x.y": 1}}),
        ({"leaf": {"x": 1}, "a": {}}, {"leaf": {"x": 1}, "a": {}}),
        ({"list.0.id": 1, "list.0.key": 2}, {"list": [{"id": 1, "key": 2}]}),
        ({"list": [{"id": 1}], "list.0.key": 2}, {"list": [{"id": 1, "key": 2}]}),
        ({"list.7.id": 1}, {"list": [{"id": 1}]}),
    ],
)
def test_dotted_and_nested_keys_are_one_tree(content: dict[str, Any], tree: dict[str, Any]) -> None:
    before = repr(content)
    assert spread(content, ["leaf", "list"]) == tree
    assert repr(content) == before or "list" in content
