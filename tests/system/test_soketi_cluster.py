"""soketi's queues in a Redis Cluster, through a real fleet with soketi's own variables."""

from __future__ import annotations

import json
import os
import subprocess

from redis.cluster import RedisCluster as ClusterClient
from support.fleet import Fleet
from support.redis_cluster import RedisCluster
from support.sink import Sink
from support.until import until

APP = {"id": "app-id", "key": "app-key", "secret": "app-secret"}


def test_jobs_of_every_queue_are_delivered_in_a_cluster() -> None:
    kinds = ("client_event", "member_added", "channel_vacated", "cache_miss")
    with (
        RedisCluster(replicas=False) as cluster,
        Sink({"app-key": "app-secret"}) as sink,
        ClusterClient("127.0.0.1", cluster.nodes[0].port) as client,
    ):
        hook = {"url": f"{sink.url}/in", "event_types": kinds}
        nodes = [{"host": "127.0.0.1", "port": node.port} for node in cluster.nodes]
        env = {
            "SOKETI_MODE": "worker",
            "SOKETI_QUEUE_DRIVER": "redis",
            "SOKETI_QUEUE_REDIS_CLUSTER_MODE": "true",
            "SOKETI_DB_REDIS_KEY_PREFIX": "{soketi}:",
            "SOKETI_DB_REDIS_CLUSTER_NODES": json.dumps(nodes),
        }
        with Fleet({"appManager.array.apps": [APP | {"webhooks": [hook]}]}, env=env) as fleet:
            for kind in kinds:
                subprocess.run(
                    fleet.command(
                        "enqueue", "--config", str(fleet.config_path),
                        "--app", "app-id", "--event", kind, "--channel", "private-c",
                    ),
                    env={**os.environ, **env}, check=True, capture_output=True, timeout=30,
                )  # fmt: skip
            until(lambda: sink.count == len(kinds), within=15, explain=fleet.log)
        assert sorted(one.verdict.names[0] for one in sink.received) == sorted(kinds)
        assert {one.status for one in sink.received} == {200}
        left = [key.decode() for key in client.keys("*:wait") + client.keys("*:active")]
        assert left == []


def test_a_prefix_without_a_hash_tag_is_refused_before_anything_starts() -> None:
    env = {
        "SOKETI_QUEUE_DRIVER": "redis",
        "SOKETI_QUEUE_REDIS_CLUSTER_MODE": "true",
        "SOKETI_DB_REDIS_KEY_PREFIX": "shop:",
        "SOKETI_DB_REDIS_CLUSTER_NODES": '[{"host":"127.0.0.1","port":1}]',
    }
    fleet = Fleet({"appManager.array.apps": [APP]}, env=env)
    fleet.launch()
    assert fleet.wait() == 78
    assert "SOKETI_DB_REDIS_KEY_PREFIX={shop}:" in fleet.log()
