"""What the doctor asks of backends: a real cluster, an old Redis, users with few rights, SQS."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from support.redis_cluster import RedisCluster
from support.redis_server import RedisServer
from support.sqs_server import SqsServer

from sockq.drivers.redis_inspect import inspect_redis
from sockq.drivers.settings import (
    BullmqSettings,
    RedisClusterSettings,
    RedisSettings,
    SqsSettings,
)
from sockq.drivers.sqs_inspect import inspect_sqs


async def test_every_master_of_a_cluster_is_asked(
    redis_cluster: RedisCluster, redis_prefix: str
) -> None:
    nodes = tuple(f"redis://127.0.0.1:{node.port}" for node in redis_cluster.nodes[:2])
    facts = await inspect_redis(RedisClusterSettings(nodes=nodes, prefix=redis_prefix))
    assert (facts.failure, facts.kind, facts.denied) == ("", "cluster", ())
    assert len(facts.nodes) == 3
    assert len({node.where for node in facts.nodes}) == 3
    assert all(node.policy == "noeviction" and node.aof is False for node in facts.nodes)

    of_soketi = BullmqSettings(nodes=nodes, prefix=f"{{{redis_prefix}}}:")
    facts = await inspect_redis(of_soketi)
    assert (facts.failure, facts.kind, len(facts.nodes)) == ("", "cluster", 3)
    assert all(node.soketi_workers == () for node in facts.nodes)


async def test_an_old_redis_is_asked_as_far_as_it_can_tell(
    redis_6: RedisServer, redis_prefix: str
) -> None:
    facts = await inspect_redis(RedisSettings(url=redis_6.url, prefix=redis_prefix))
    (node,) = facts.nodes
    assert (facts.failure, facts.denied, node.compatible[:2]) == ("", (), (6, 2))
    assert (node.snapshots, node.sockudo5, node.poppers) == (False, False, ())


async def test_a_user_who_may_see_little_is_no_failure(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    user = redis_prefix.strip(":")
    redis_server.cli("ACL", "SETUSER", user, "on", ">hush", "~*", "+@all", "-@dangerous")
    url = redis_server.url.replace("://", f"://{user}:hush@")
    facts = await inspect_redis(RedisSettings(url=url, prefix=redis_prefix))
    redis_server.cli("ACL", "DELUSER", user)
    (node,) = facts.nodes
    assert (facts.failure, facts.user, facts.denied) == ("", user, ())
    assert (node.policy, node.snapshots, node.poppers) == (None, None, None)
    assert node.clock_ahead_seconds is not None
    assert "hush" not in repr(facts)


async def test_asking_writes_nothing(redis_server: RedisServer, redis_prefix: str) -> None:
    redis_server.cli("RPUSH", f"{redis_prefix}:queue:webhooks", "job")
    facts = await inspect_redis(RedisSettings(url=redis_server.url, prefix=redis_prefix))
    assert facts.queue.lists[0] == (f"{redis_prefix}:queue:webhooks", 1)
    keys = redis_server.cli("KEYS", f"*{redis_prefix}*").split()
    assert keys == [f"{redis_prefix}:queue:webhooks"]


async def test_an_sqs_queue_tells_its_settings(
    sqs_server: SqsServer, sqs_client: Any, sqs_queue: str
) -> None:
    settings = SqsSettings(endpoint_url=sqs_server.url, queue=sqs_queue)
    missing = await inspect_sqs(settings)
    assert (missing.missing, missing.refused) == (True, True)

    dead = sqs_client.create_queue(QueueName=f"{sqs_queue}-old")["QueueUrl"]
    wanted = sqs_client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": wanted["Attributes"]["QueueArn"], "maxReceiveCount": 3}
    given = {"VisibilityTimeout": "7", "RedrivePolicy": json.dumps(policy)}
    sqs_client.create_queue(QueueName=sqs_queue, Attributes=given)
    facts = await inspect_sqs(settings)
    assert (facts.failure, facts.fifo) == ("", False)
    assert (facts.visibility_seconds, facts.most_receives) == (7, 3)
    assert facts.retention_seconds == 345_600

    away = await inspect_sqs(replace(settings, endpoint_url="http://127.0.0.1:1"))
    assert (bool(away.failure), away.refused, away.missing) == (True, False, False)


async def test_a_fifo_queue_tells_whether_it_deduplicates(
    sqs_server: SqsServer, sqs_client: Any, sqs_queue: str
) -> None:
    given = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    sqs_client.create_queue(QueueName=f"{sqs_queue}.fifo", Attributes=given)
    facts = await inspect_sqs(SqsSettings(endpoint_url=sqs_server.url, queue=sqs_queue, fifo=True))
    assert (facts.fifo, facts.deduplicates, facts.most_receives) == (True, True, None)
