"""A clean stop of a 4.x node deletes the servers' list: what was waiting is sockq's by then."""

from __future__ import annotations

import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until

JOBS = 50_000


def test_a_server_that_deletes_the_queue_deletes_nothing(
    server: RedisServer, client: redis.Redis
) -> None:
    """50,000 jobs wait, a fleet runs, then all keys of ``PREFIX:queue:*`` go: all are delivered."""
    with Sink({}) as sink:
        for start in range(0, JOBS, 5_000):
            client.rpush(KEY, *[job(f"c{n}") for n in range(start, start + 5_000)])
        with Fleet(redis_config(server.url, app(1, sink.url)), workers=2):
            until(lambda: client.llen(KEY) == 0, within=5)
            doomed = list(client.scan_iter(match="sockudo_queue::queue:*", count=1000))
            if doomed:
                client.delete(*doomed)
            until(lambda: sink.count >= JOBS, within=50)
        assert len(sink.channels()) == JOBS
        assert sink.count == JOBS, "nobody died, so nothing is sent twice"


def test_the_documented_single_colon_key_is_read_too(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink({}) as sink, Fleet(redis_config(server.url, app(1, sink.url)), workers=1):
        client.rpush("sockudo_queue:queue:webhooks", job("documented"))
        until(lambda: sink.count == 1, within=5)
