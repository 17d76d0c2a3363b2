"""A stop finishes what is on the wire, once, and gives back the rest uncharged."""

from __future__ import annotations

import signal

import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, events, header
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules


def test_a_stop_finishes_requests_in_flight_and_gives_the_rest_back(
    server: RedisServer, client: redis.Redis
) -> None:
    slow = Rules(default=Rule(delay_seconds=1.5))
    with Sink({}, slow) as sink:
        config = redis_config(server.url, app(1, sink.url), endpoint_in_flight=4)
        client.rpush(KEY, *[job(f"c{n}") for n in range(40)])
        fleet = Fleet(config, workers=1).start()
        until(lambda: sink.count >= 4, within=5)
        fleet.signal(signal.SIGTERM)
        assert fleet.wait() == 0, fleet.log()
        first = sink.count
        assert first < 40
        sink.set_rules(Rules())
        with Fleet(config, workers=1):
            until(lambda: sink.count == 40, within=10)
        channels = [str(events(r)[0]["channel"]) for r in sink.received]
        assert sorted(channels) == sorted(f"c{n}" for n in range(40)), "each exactly once"
        assert {header(r, "X-Sockq-Attempt") for r in sink.received} == {"1"}


def test_a_request_that_outlasts_the_deadline_goes_back_uncharged(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink({}, Rules(default=Rule(silent=True))) as sink:
        config = redis_config(server.url, app(1, sink.url), drain_seconds=2.0)
        fleet = Fleet(config, workers=1).start()
        client.rpush(KEY, job("long"))
        until(lambda: sink.count == 1, within=5)
        fleet.signal(signal.SIGTERM)
        assert fleet.wait(10) == 1, fleet.log()
        sink.set_rules(Rules())
        with Fleet(config, workers=1):
            until(lambda: sink.count == 2, within=10)
        assert header(sink.received[1], "X-Sockq-Attempt") == "1", "the stop cost no attempt"


def test_ctrl_c_to_the_whole_terminal_is_one_drain(
    server: RedisServer, client: redis.Redis
) -> None:
    """A terminal sends INT to every process of the group; no job is interrupted by it."""
    with Sink({}, Rules(default=Rule(delay_seconds=1.0))) as sink:
        fleet = Fleet(redis_config(server.url, app(1, sink.url)), workers=2).start()
        client.rpush(KEY, *[job(f"c{n}") for n in range(10)])
        until(lambda: sink.count == 10, within=5)
        fleet.signal_group(signal.SIGINT)
        assert fleet.wait() == 0, fleet.log()
        assert client.exists(KEY) == 0
        with Fleet(redis_config(server.url, app(1, sink.url)), workers=1) as again:
            ready = until(lambda: [n for n in [again.queue()["ready"]] if n is not None])
        assert ready == [0]
        assert sink.count == 10
