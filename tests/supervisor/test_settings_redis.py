"""Redis Cluster and Sentinel in a Sockudo configuration: what is told, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.configured import configured

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.settings import RedisClusterSettings, RedisSettings, SentinelSettings
from sockq.supervisor.advice import with_advice
from sockq.supervisor.redis_url import complaint_about_node, node_urls
from sockq.supervisor.run_command import announcement
from sockq.supervisor.settings import Configuration
from sockq.supervisor.settings_report import report


def on_cluster(**more: Any) -> dict[str, Any]:
    return {"queue": {"driver": "redis-cluster", "redis_cluster": more}}


def watched(*sentinels: Any, **more: Any) -> dict[str, Any]:
    return {"queue": {"driver": "redis"}, "database": {"redis": {"sentinels": [*sentinels]} | more}}


def cluster(found: Configuration) -> RedisClusterSettings:
    assert found.faults == ()
    assert found.fleet is not None
    driver = found.fleet.driver
    assert isinstance(driver, RedisClusterSettings)
    return driver


def single(found: Configuration) -> RedisSettings:
    assert found.faults == ()
    assert found.fleet is not None
    assert isinstance(found.fleet.driver, RedisSettings)
    return found.fleet.driver


def opening(found: Configuration) -> str:
    assert found.fleet is not None
    return announcement(found.fleet)[0]


def test_a_cluster_of_the_file(tmp_path: Path) -> None:
    nodes = ["redis://:pw@a:7000", "redis://:pw@b:7001"]
    found = configured(
        tmp_path, on_cluster(nodes=nodes, prefix="mine:", concurrency=3, request_timeout_ms=250)
    )
    settings = cluster(found)
    assert settings.nodes == tuple(nodes)
    assert (settings.prefix, settings.response_timeout_seconds) == ("mine:", 0.25)
    assert found.fleet is not None
    assert found.fleet.workers == 3
    assert "redis cluster at a:7000, b:7001, keys mine:…" in opening(found)
    text = "\n".join(report(found))
    assert "redis://:***@a:7000, redis://:***@b:7001" in text
    assert "pw" not in text + repr(found)


@pytest.mark.parametrize(
    ("given", "environ", "nodes"),
    [
        ({}, {}, ("redis://127.0.0.1:6379",)),
        ({"nodes": []}, {}, tuple(f"redis://127.0.0.1:{port}" for port in (7000, 7001, 7002))),
        ({"nodes": ["a:1", "b"]}, {}, ("redis://a:1/0", "redis://b:6379/0")),
        (
            {"nodes": ["x:1"]},
            {"REDIS_CLUSTER_NODES": "a:1, b:2,"},
            ("redis://a:1/0", "redis://b:2/0"),
        ),
        ({}, {"DATABASE_REDIS_CLUSTER_NODES": "rediss://d:1"}, ("rediss://d:1",)),
        (
            {},
            {"REDIS_CLUSTER_NODES": "redis://r", "DATABASE_REDIS_CLUSTER_NODES": "redis://d"},
            ("redis://r",),
        ),
        (
            {"nodes": ["a:1"]},
            {
                "DATABASE_REDIS_CLUSTER_USERNAME": "u",
                "DATABASE_REDIS_CLUSTER_PASSWORD": "p/w",
                "DATABASE_REDIS_CLUSTER_USE_TLS": "true",
            },
            ("rediss://u:p%2Fw@a:1/0",),
        ),
        ({"nodes": ["redis://a"]}, {"DATABASE_REDIS_CLUSTER_PASSWORD": "p"}, ("redis://a",)),
    ],
)
def test_where_the_nodes_come_from(
    tmp_path: Path, given: dict[str, Any], environ: dict[str, str], nodes: tuple[str, ...]
) -> None:
    assert cluster(configured(tmp_path, on_cluster(**given), environ)).nodes == nodes


def test_the_variables_of_a_cluster(tmp_path: Path) -> None:
    environ = {
        "QUEUE_DRIVER": "redis-cluster",
        "REDIS_CLUSTER_QUEUE_PREFIX": "p:",
        "REDIS_CLUSTER_QUEUE_CONCURRENCY": "0",
        "REDIS_CLUSTER_QUEUE_REQUEST_TIMEOUT_MS": "1500",
    }
    found = configured(tmp_path, None, environ)
    settings = cluster(found)
    assert (settings.prefix, settings.response_timeout_seconds) == ("p:", 1.5)
    assert found.fleet is not None
    assert found.fleet.workers == 8, "0: as many as cores"


def test_tls_files_reach_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    tls = {"ca_path": str(tmp_path / "ca.pem"), "accept_invalid_certs": True}
    content = on_cluster(nodes=["rediss://a"]) | {"database": {"redis": {"master_tls": tls}}}
    found = configured(tmp_path, content)
    assert cluster(found).tls.ca_path == tmp_path / "ca.pem"
    assert any("certificate of Redis is not checked" in line for line in found.warnings)


def test_cluster_mode_of_the_redis_driver(tmp_path: Path) -> None:
    content = {"queue": {"driver": "redis", "redis": {"cluster_mode": True, "prefix": "x:"}}}
    found = configured(tmp_path, content, {"REDIS_URL": "redis://c:7000"})
    settings = single(found)
    assert (settings.cluster_mode, settings.prefix) == (True, "x:")
    assert "redis cluster at c:7000, keys x:…" in opening(found)


def test_sentinels_of_the_file_and_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    content = watched(
        {"host": "s1"},
        {"host": "s2", "port": 5000},
        name="main",
        password="hush",
        db=2,
        sentinel_username="su",
        sentinel_tls={"enabled": True, "ca_path": str(tmp_path / "ca.pem")},
        master_tls={"enabled": True},
    )
    found = configured(tmp_path, content, {"DATABASE_REDIS_SENTINEL_PASSWORD": "sesame"})
    settings = single(found)
    sentinel = settings.sentinel
    assert sentinel is not None
    assert sentinel.nodes == (("s1", 26379), ("s2", 5000))
    assert (sentinel.master, sentinel.username, sentinel.password) == ("main", "su", "sesame")
    assert sentinel.tls is not None
    assert sentinel.tls.ca_path == tmp_path / "ca.pem"
    assert settings.url == "rediss://:hush@127.0.0.1:6379/2"
    assert "redis main (Sentinel s1:26379, s2:5000)" in opening(found)
    text = "\n".join(report(found)) + repr(found)
    assert "main of Sentinel s1:26379, s2:5000" in text
    assert "sesame" not in text
    assert "hush" not in text


def test_a_url_counts_before_sentinels_and_says_so(tmp_path: Path) -> None:
    found = configured(tmp_path, watched({"host": "s1"}), {"REDIS_URL": "redis://h"})
    assert single(found).sentinel is None
    assert any("sentinels has no effect" in line for line in found.warnings)


@pytest.mark.parametrize(
    ("content", "environ", "complaint"),
    [
        (on_cluster(nodes=["http://a"]), {}, "node 1: it does not start with redis://"),
        (on_cluster(nodes=["a:1", "redis://a/3"]), {}, "node 2: a cluster has database 0 only"),
        (on_cluster(nodes="a:1"), {}, "expected a list of redis://"),
        (on_cluster(), {"REDIS_CLUSTER_NODES": "a:port"}, "REDIS_CLUSTER_NODES: expected a list"),
        (
            on_cluster(nodes=["redis://:pw@a", "redis://b"]),
            {},
            "the same scheme, user and password",
        ),
        (on_cluster(request_timeout_ms=-1), {}, "expected a whole number"),
        (watched("s1:26379"), {}, "database.redis.sentinels[0]"),
        (watched({"host": "s", "port": 0}), {}, "expected a host and a port from 1 to 65535"),
        (
            watched({"host": "s"}, sentinel_tls={"enabled": True, "ca_path": "/none.pem"}),
            {},
            "there is no file /none.pem",
        ),
        (
            {"queue": {"driver": "redis", "redis": {"cluster_mode": True}}},
            {"DATABASE_REDIS_DB": "3"},
            "a cluster has database 0 only",
        ),
        (
            watched({"host": "s"})
            | {"queue": {"driver": "redis", "redis": {"cluster_mode": True}}},
            {},
            "a cluster has no Sentinels",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(
    tmp_path: Path, content: dict[str, Any], environ: dict[str, str], complaint: str
) -> None:
    found = configured(tmp_path, content, environ)
    (fault,) = found.faults
    assert complaint in fault
    assert "\n" not in fault
    assert "pw" not in fault


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        (RedisClusterSettings(), "REDIS_CLUSTER_NODES"),
        (RedisSettings(sentinel=SentinelSettings((("s", 1),))), "database.redis.sentinels"),
        (RedisSettings(), "DATABASE_REDIS_HOST"),
    ],
)
def test_the_next_step_beside_an_outage(
    settings: RedisSettings | RedisClusterSettings, advice: str
) -> None:
    assert advice in with_advice(BackendUnavailable("no Redis answers"), settings)


def test_an_address_of_six_parts() -> None:
    assert complaint_about_node("[::1]:7000") is None
    assert node_urls(["[::1]:7000"], None, None, tls=True) == ("rediss://[::1]:7000/0",)
