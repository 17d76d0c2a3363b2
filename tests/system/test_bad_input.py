"""Whatever stands in the queue is delivered as Sockudo would, or dead-lettered with a reason."""

from __future__ import annotations

import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until

GOOD = job("good")
SECRET = "s3cr3t-of-nobody"


def with_events(raw: bytes) -> bytes:
    """A job whose events are ``raw``."""
    head, _, tail = GOOD.partition(b'"events":[')
    return head + b'"events":' + raw + tail[tail.index(b"]") + 1 :]


DEAD = {
    "not JSON": b'{"app_key":"app-key",' + SECRET.encode(),
    "empty": b"",
    "a list": b"[1,2,3]",
    "a string": b'"hello"',
    "wrong type": GOOD.replace(b'"app-id"', b"17", 1),
    "missing field": GOOD.replace(b'"app_secret":"app-secret",', b""),
    "time_ms is a float": GOOD.replace(b'"time_ms":', b'"time_ms":1.5e3,"was":'),
    "events is an object": with_events(b"{}"),
    "not UTF-8": GOOD.replace(b"good", b"g\xff\xfed"),
    "lone surrogate": GOOD.replace(b"good", b"g\\ud83d"),
    "NaN": with_events(b'[{"name":"channel_occupied","channel":"c","data":NaN}]'),
    "nested 100,000 deep": with_events(b"[" * 100_000 + b"]" * 100_000),
    "unknown app": job("x").replace(b'"app_id":"app-id"', b'"app_id":"nobody"'),
    "header injection": GOOD.replace(b'"app_key":"app-key"', b'"app_key":"a\\r\\nX-Evil: 1"'),
}
DELIVERED = {
    "unknown fields": GOOD.replace(b'{"app_key"', b'{"later":{"a":[1]},"app_key"').replace(
        b"good", b"unknown-fields"
    ),
    "ten megabytes": job("ten-mb", extra=',"data":"' + "x" * 10_000_000 + '"'),
    "escapes": job("escaped", extra=',"data":"\\ud83d\\ude00 \\u2028 \\/"'),
}
NOTHING_TO_SEND = {
    "no events": with_events(b"[]"),
    "nameless event": with_events(b'[{"channel":"c"}]'),
    "an event nobody wants": with_events(b'[{"name":"other","channel":"c"}]'),
}


def test_every_kind_of_bad_input_has_its_own_end(server: RedisServer, client: redis.Redis) -> None:
    with Sink({"app-key": "app-secret"}) as sink:
        config = redis_config(server.url, app(1, sink.url), unknown_app_grace_seconds=1)
        with Fleet(config, workers=2) as fleet:
            pids = fleet.worker_pids()
            for payload in (*DEAD.values(), *DELIVERED.values(), *NOTHING_TO_SEND.values(), GOOD):
                client.rpush(KEY, payload)
            until(
                lambda: sink.count == len(DELIVERED) + 1 and fleet.queue()["dead"] == len(DEAD),
                within=20,
                explain=lambda: f"{fleet.queue()} {sink.count}\n{fleet.log()}",
            )
            queue = fleet.queue()
            assert (queue["ready"], queue["leased"], queue["delayed"]) == (0, 0, 0)
            assert fleet.worker_pids() == pids, "no worker died"
            log = fleet.log()
        assert SECRET not in log
        assert "app-secret" not in log
        assert all(r.verdict.ok for r in sink.received)
        assert sink.channels() == {"unknown-fields", "ten-mb", "escaped", "good"}
        reasons = [line for line in log.splitlines() if "job-dead" in line]
        assert len(reasons) == len(DEAD)
