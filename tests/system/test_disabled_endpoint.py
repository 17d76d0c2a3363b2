"""An endpoint is disabled and enabled while jobs flow, processes die and the fleet starts anew."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from support.fleet import Fleet
from support.jobs import KEY, app, job, redis_config
from support.pty_screen import PtyScreen
from support.redis_server import RedisServer
from support.sink import Sink, events, header
from support.until import until

#: Every worker has obeyed after so long: it looks twice a second. A slow machine has its share.
OBEYED_SECONDS = 2.0
HASTY = Path(__file__).parents[1] / "support" / "hasty_fleet.py"


class Producer:
    """Pushes jobs of both apps, some every few milliseconds, until it is told to stop."""

    def __init__(self, client: redis.Redis) -> None:
        self.pushed: list[str] = []
        self._client = client
        self._stop = threading.Event()

    def run(self) -> None:
        while not self._stop.wait(0.02):
            number = len(self.pushed)
            self._client.rpush(KEY, job(f"c{number}"), job(f"d{number}", app=2))
            self.pushed.append(f"c{number}")

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """While jobs are pushed."""
        self._stop.clear()
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


def channels(sink: Sink, path: str) -> list[str]:
    """Of the jobs that came to a path, in their order."""
    return [str(event["channel"]) for one in sink.to(path) for event in events(one)]


def all_else_goes_on(producer: Producer, sink: Sink, fleet: Fleet) -> None:
    """What is pushed from now on gets everywhere but to the one endpoint."""
    first = len(producer.pushed)
    until(lambda: len(producer.pushed) > first + 20)
    wanted = set(producer.pushed[first : first + 20])
    until(lambda: wanted <= {*channels(sink, "/on")}, 10.0, fleet.log)
    other = {name.replace("c", "d") for name in wanted}
    until(lambda: other <= {*channels(sink, "/other")}, 10.0, fleet.log)


def obeyed(fleet: Fleet) -> bool:
    """Whether every worker begins nothing to the one that is disabled, and has nothing there."""
    rows = [one for one in fleet.status()["endpoints"] if one["state"] == "disabled"]
    return [(one["limit"], one["in_flight"]) for one in rows] == [(0, 0)]


@pytest.mark.timeout(150)
def test_it_gets_nothing_until_it_is_enabled_and_then_everything(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink() as sink:
        urls = [sink.url + path for path in ("/off?token=secret", "/on")]
        apps = (app(1, *urls), app(2, sink.url + "/other"))
        config = redis_config(server.url, *apps, soak_seconds=0.2)
        fleet, producer = Fleet(config, workers=2), Producer(client)

        def goes_on() -> None:
            all_else_goes_on(producer, sink, fleet)

        with fleet, producer.flowing():
            until(lambda: len(sink.to("/off")) > 20)
            done = fleet.ctl("disable", "/off")
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith(f"disabled app-id {sink.url}/off?…: nothing is sent")
            until(lambda: obeyed(fleet), OBEYED_SECONDS)
            obeyed_ms = time.time() * 1000
            assert fleet.status()["state"] == "RUNNING"
            goes_on()
            victim = fleet.worker_pids()[0]
            os.kill(victim, signal.SIGKILL)
            until(lambda: len({*fleet.worker_pids()} - {victim}) == 2, 10.0, fleet.log)
            goes_on()
            assert fleet.ctl("restart", "--wait").returncode == 0
            goes_on()
        kept = fleet.run_dir / "disabled.json"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert "secret" not in kept.read_text()
        assert "secret" not in fleet.log()
        with fleet:
            with producer.flowing():
                goes_on()
            rows = until(lambda: [one for one in fleet.status()["endpoints"] if one["parked"]])
            assert [one["state"] for one in rows] == ["disabled"]
            late = [one for one in sink.to("/off") if one.at_ms > obeyed_ms]
            assert late == []
            enabled = fleet.ctl("enable", f"{sink.url}/off?token=secret")
            assert enabled.stdout.startswith(f"enabled app-id {sink.url}/off?…: what was held")
            wanted = {*producer.pushed}
            until(lambda: wanted <= {*channels(sink, "/off")}, 60.0, fleet.log)
            until(lambda: {*channels(sink, "/on")} == wanted, 10.0, fleet.log)
            after = [one for one in sink.to("/off") if one.at_ms > obeyed_ms]
            assert len(after) > 60
            assert {header(one, "X-Sockq-Attempt") for one in sink.received} == {"1"}
            until(lambda: (fleet.queue()["ready"], fleet.queue()["delayed"]) == (0, 0), 10.0)
            assert fleet.queue()["dead"] == 0
            assert fleet.status()["endpoints_disabled"] == 0


def test_a_job_that_grows_too_old_meanwhile_is_a_dead_letter_that_says_why(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink(fresh_only=False) as sink:
        config = redis_config(server.url, app(1, sink.url + "/off", sink.url + "/on"))
        with Fleet(config, workers=1, program=HASTY) as fleet:
            url = sink.url + "/off"
            new = fleet.ctl("disable", url, "--app", "app-id")
            assert "no worker has met this endpoint yet" in new.stdout
        with fleet:  # its workers know it from their birth
            old_ms = time.time_ns() // 1_000_000 - 295_000
            client.rpush(KEY, job("old", time_ms=old_ms), job("fresh"))
            until(lambda: {"old", "fresh"} <= {*channels(sink, "/on")}, 5.0, fleet.log)
            until(lambda: fleet.queue()["dead"] == 1, 20.0, fleet.log)
            (reason,) = [one["reason"] for one in fleet.events("job-dead")]
            assert reason.startswith("the operator has disabled the endpoint: 0 attempts, held")
            assert fleet.ctl("enable", "/off").returncode == 0
            until(lambda: channels(sink, "/off") == ["fresh"], 20.0, fleet.log)


def test_what_cannot_be_meant_is_refused_in_one_line(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink() as sink:
        apps = (app(1, sink.url + "/in", sink.url + "/out"), app(2, sink.url + "/in"))
        with Fleet(redis_config(server.url, *apps), workers=1) as fleet:
            client.rpush(KEY, job("c"), job("d", app=2))
            until(lambda: sink.count == 3)
            until(lambda: len(fleet.status()["endpoints"]) == 3)
            for text, code, told in (
                (f"{sink.url}/in", 1, "fits 2 endpoints"),
                ("nowhere", 1, "no endpoint fits"),
                ("https://new.example/", 1, "give the whole URL, and --app ID"),
            ):
                refused = fleet.ctl("disable", text)
                assert (refused.returncode, refused.stdout) == (code, "")
                assert told in refused.stderr
                assert refused.stderr.count("\n") == 1
                assert f"({sink.url}/in)" in refused.stderr
            assert fleet.status()["endpoints_disabled"] == 0
            narrowed = fleet.ctl("disable", f"{sink.url}/in", "--app", "app-2")
            assert narrowed.stdout.startswith(f"disabled app-2 {sink.url}/in:")
            assert fleet.ctl("disable", "app-2").stdout.startswith("was disabled already: app-2")
            assert fleet.ctl("enable", "/out").stdout == "was not disabled\n"
            assert fleet.ctl("enable", "/in").stdout.startswith(f"enabled app-2 {sink.url}/in:")
        stopped = fleet.ctl("disable", "/in")
        assert (stopped.returncode, stopped.stdout) == (2, "")
        assert stopped.stderr == f"sockq: no fleet runs in {fleet.run_dir}\n"


def test_keys_of_the_live_screen_disable_and_enable(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink() as sink:
        where = f"127.0.0.1:{sink.port}/in"
        with Fleet(redis_config(server.url, app(1, f"http://{where}")), workers=1) as fleet:
            client.rpush(KEY, job("c"))
            until(lambda: sink.count == 1)
            with PtyScreen(fleet.command("status"), size=(100, 30)) as seen:
                seen.shows("workers 1/1")
                seen.type("3")
                seen.until(lambda text: "X disable" in text and where in text)
                seen.type("jX")
                seen.shows(f"disable {where}? type y")
                seen.type("y")
                seen.until(lambda text: "1 disabled" in text and "DISABLED" in text)
                assert fleet.status()["endpoints_disabled"] == 1
                seen.type("\r")
                seen.shows("disabled by")
                seen.type("E")
                seen.shows(f"enable {where}? type y")
                seen.type("y")
                seen.until(lambda text: "1 disabled" not in text)
                assert fleet.status()["endpoints_disabled"] == 0
                seen.type("q")
                assert seen.wait() == 0
            with PtyScreen(fleet.command("status", "--read-only"), size=(100, 30)) as seen:
                seen.shows("workers 1/1")
                seen.type("3jX")
                seen.shows("this screen only reads")
                assert "X disable" not in seen.text
