"""What does not fit in a setting is told: each fault on its line, without a secret."""

from __future__ import annotations

from typing import Any

import pytest
from support.settings_layers import FILE, layers


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"queue": {"redis": {"concurrency": "five"}}}, 'a whole number, 0 or more, found "f'),
        ({"queue": {"redis": {"concurrency": -1}}}, "found -1"),
        ({"queue": {"redis": {"concurrency": 2.0}}}, "found 2.0"),
        ({"queue": {"redis": {"concurrency": True}}}, "found true"),
        ({"queue": {"redis": {"concurrency": None}}}, "found null"),
        ({"queue": {"redis": {"prefix": 1}}}, "expected text"),
        ({"queue": {"redis": {"prefix": " "}}}, "text that is not empty"),
        ({"queue": {"redis": "x"}}, 'sockudo.toml: queue.redis: expected a table, found "x"'),
        ({"queue": []}, "sockudo.toml: queue: expected a table, found a list"),
        ({"queue": {"driver": "reddis"}}, 'did you mean "redis"?'),
        ({"queue": {"driver": "Redis"}}, 'did you mean "redis"?'),
        ({"queue": {"redis": {"url_override": "http://h"}}}, "does not start with redis://"),
        ({"database": {"redis": {"port": 70_000}}}, "from 1 to 65535"),
        ({"database": {"redis": {"host": "h:6379"}}}, "it carries a port"),
        ({"database": {"redis": {"master_tls": {"enabled": "yes"}}}}, "expected true or false"),
        ({"app_manager": {"array": {"apps": {}}}}, "expected a list, found a table"),
        ({"app_manager": {"driver": "msql"}}, 'did you mean "mysql"?'),
        ({"webhooks": {"request_timeout_ms": 0}}, "found 0"),
        ({"sockq": {"lease_seconds": float("nan")}}, "a number of seconds"),
        ({"sockq": {"lease_seconds": float("inf")}}, "a number of seconds"),
        ({"sockq": {"worker": 3}}, 'there is no such setting; did you mean "workers"?'),
        ({"sockq": {"zzz": 3}}, "known are workers"),
    ],
)
def test_what_does_not_fit_in_a_file_is_one_line(content: dict[str, Any], complaint: str) -> None:
    (fault,) = layers(content).faults
    assert complaint in fault
    assert FILE in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("QUEUE_DRIVER", "reddis"),
        ("QUEUE_REDIS_CONCURRENCY", "five"),
        ("QUEUE_REDIS_CONCURRENCY", "-1"),
        ("QUEUE_REDIS_CONCURRENCY", "1_0"),
        ("QUEUE_REDIS_CONCURRENCY", "٣"),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("DATABASE_REDIS_MASTER_TLS_ENABLED", "maybe"),
        ("SOCKUDO_SKIP_INLINE_APPS", "2"),
        ("SOCKQ_LEASE_SECONDS", "nan"),
        ("SOCKQ_DRAIN_SECONDS", "-1"),
        ("MODE", "server"),
    ],
)
def test_what_does_not_fit_in_a_variable_is_one_line(variable: str, text: str) -> None:
    (fault,) = layers({}, {variable: text}).faults
    assert fault.startswith(f"{variable}: expected ")
    assert "unset it" in fault


def test_all_faults_are_told_at_once_each_on_its_line() -> None:
    found = layers(
        {"queue": {"redis": {"concurrency": "x"}}, "sockq": {"workrs": 1, "in_flight": 0}},
        {"QUEUE_REDIS_CONCURRENCY": "y", "DATABASE_REDIS_PORT": "z"},
    )
    assert len(found.faults) == 5


def test_a_broken_section_is_told_once() -> None:
    assert len(layers({"database": 1}).faults) == 1


def test_a_fault_never_shows_a_secret() -> None:
    content = {"database": {"redis": {"password": 918273645}}}
    found = layers(content, {"REDIS_URL": "redis://:918273645@h:x"})
    assert len(found.faults) == 2
    assert "918273645" not in "".join(found.faults)
    assert "918273645" not in repr(found)
