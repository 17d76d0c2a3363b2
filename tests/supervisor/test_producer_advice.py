"""How servers are made to leave the queue to sockq; the Redis user is tried on a real Redis."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import redis
from support.configured import configured
from support.redis_server import RedisServer
from support.v2_queue import enveloped, framed, new_id, record

from sockq.drivers.sockudo_v2_keys import base_key, queue_keys
from sockq.supervisor.producer_advice import PASSWORD, USER, acl_rule, producer_advice

#: The keys and the writes of the server's script for one job.
ENQUEUE = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[4], ARGV[1], 0)
redis.call('HSET', KEYS[5], ARGV[1], 5)
redis.call('ZRANGEBYSCORE', KEYS[7], 0, 1)
redis.call('HGET', KEYS[6], 'none')
redis.call('ZADD', KEYS[3], 1, ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('LPUSH', KEYS[8], '1')
redis.call('LTRIM', KEYS[8], 0, 1023)
redis.call('XADD', KEYS[9], 'MAXLEN', '~', 10000, '*', 'event', 'enqueued', 'job_id', ARGV[1])
return 1
"""
ENQUEUE_KEYS = (
    "jobs", "wait", "delayed", "attempts", "max-attempts",
    "dedup", "dedup-expiry", "notify", "events",
)  # fmt: skip


def advice(tmp_path: Path, content: dict[str, Any] | None, environ: dict[str, str]) -> str:
    found = configured(tmp_path, content, environ)
    assert found.faults == ()
    return "\n".join(producer_advice(found))


@pytest.mark.parametrize(
    ("content", "environ", "parts", "absent"),
    [
        (None, {"QUEUE_DRIVER": "redis"}, ("QUEUE_REDIS_CONCURRENCY=0", "ACL SETUSER"), ()),
        ({"queue": {"redis": {"concurrency": 0}}}, {}, ("4.x",), ("ACL",)),
        ({"queue": {"reliability": {"max_attempts": 3}}}, {}, ("ACL SETUSER",), ("4.x",)),
        (None, {"QUEUE_DRIVER": "redis", "QUEUE_MAX_ATTEMPTS": "3"}, ("ACL",), ("4.x",)),
        ({"queue": {"redis": {"prefix": "{tag}:"}}}, {}, ("4.x",), ("ACL",)),
        (
            {"queue": {"redis": {"prefix": "shop:"}}},
            {},
            ("~shop:v2:{webhooks}:jobs ", "~shop:v2:{webhooks}:inline-wait-count "),
            (":active", ":tokens", ":dlq", ":failures", ":completed", "shop:v2:{webhooks}:*"),
        ),
        (
            None,
            {"SOKETI_QUEUE_DRIVER": "redis"},
            ("SOKETI_MODE=full", "SOKETI_QUEUE_REDIS_CONCURRENCY=0", "mode server"),
            ("ACL",),
        ),
        (
            None,
            {"SOKETI_QUEUE_DRIVER": "sqs", "SOKETI_QUEUE_SQS_URL": "https://q/1/a.fifo"},
            ("SOKETI_MODE=server",),
            (),
        ),
    ],
)
def test_each_server_is_told_its_own_way(
    tmp_path: Path,
    content: dict[str, Any] | None,
    environ: dict[str, str],
    parts: tuple[str, ...],
    absent: tuple[str, ...],
) -> None:
    text = advice(tmp_path, content, environ)
    assert [part for part in parts if part not in text] == []
    assert [part for part in absent if part in text] == []


def test_a_fleet_on_memory_has_no_servers_to_tell(tmp_path: Path) -> None:
    assert advice(tmp_path, None, {}) == ""


def test_a_prefix_is_taken_literally() -> None:
    rule = acl_rule('a*[b]? "c', "webhooks")
    assert r'"~a\\*\\[b\\]\\??\"c:v2:{webhooks}:jobs"' in rule


@pytest.mark.parametrize("prefix", ["sockudo_queue:", 'a*[b]? "c', "shop"])
def test_with_that_user_enqueueing_works_and_claiming_is_refused(prefix: str) -> None:
    base = base_key(prefix, "webhooks")
    with RedisServer() as server:
        # redis-cli's prompt takes quotes apart as shlex does.
        server.cli(*shlex.split(acl_rule(prefix, "webhooks")))
        with redis.Redis.from_url(server.url, username=USER, password=PASSWORD) as producer:
            id_ = new_id()
            keys = [f"{base}:{suffix}" for suffix in ENQUEUE_KEYS]
            assert producer.eval(ENQUEUE, len(keys), *keys, id_, enveloped(id_)) == 1
            with producer.pipeline() as pipe:
                pipe.lpush(f"{base}:inline-wait", framed([record(new_id())]))
                pipe.incrby(f"{base}:inline-wait-count", 1)
                pipe.lpush(f"{base}:notify", "1")
                pipe.execute()
            everything = queue_keys(base)
            with pytest.raises(redis.exceptions.NoPermissionError):
                producer.eval("return redis.call('RPOP', KEYS[2])", len(everything), *everything)
            for suffix in ("active", "tokens", "dlq", "failures", "completed"):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    producer.exists(f"{base}:{suffix}")
            with pytest.raises(redis.exceptions.NoPermissionError):
                producer.flushall()
            producer.exists(f"{base.partition(':v2:')[0]}:v2:{{push.shards.v1}}:active")
            assert producer.info("server")
        with redis.Redis.from_url(server.url) as everybody:
            assert everybody.lrange(f"{base}:wait", 0, -1) == [id_.encode()]
