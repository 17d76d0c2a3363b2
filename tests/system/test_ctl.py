"""``sockq ctl`` against real fleets: every verb, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from support.fleet import Fleet, ctl
from support.jobs import KEY, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink
from support.until import until

from sockq.supervisor.control import may_ask
from sockq.supervisor.receiver_rules import Rule, Rules

MEMORY: dict[str, object] = {"queue": {"driver": "memory"}}


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """One for the verbs that leave it as it was."""
    with Fleet(MEMORY, workers=2) as running:
        yield running


def wait_for(fleet: Fleet, state: str) -> None:
    until(lambda: fleet.status()["state"] == state, 5.0, fleet.log)


def test_pause_and_resume(fleet: Fleet) -> None:
    done = fleet.ctl("pause")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "paused: nothing more is claimed until it is resumed\n"
    wait_for(fleet, "PAUSED")
    assert fleet.ctl("resume").stdout == "resumed\n"
    wait_for(fleet, "RUNNING")
    assert fleet.ctl("resume").stdout == "was not paused\n"


def test_a_pause_can_end_by_itself(fleet: Fleet) -> None:
    done = fleet.ctl("pause", "--for", "1.5")
    assert done.stdout == "paused for 1.5 s: nothing more is claimed meanwhile\n"
    wait_for(fleet, "PAUSED")
    assert 0 < fleet.status()["pause_left_seconds"] <= 1.5
    wait_for(fleet, "RUNNING")
    assert fleet.status()["pause_left_seconds"] is None


def test_scale(fleet: Fleet) -> None:
    assert fleet.ctl("scale", "3").stdout == "3 workers wanted, 2 before\n"
    until(lambda: fleet.status()["workers_serving"] == 3, 5.0)
    assert fleet.ctl("scale", "2").returncode == 0
    until(lambda: len(fleet.status()["workers"]) == 2, 5.0)


@pytest.mark.parametrize(
    "args",
    [
        ("scale", "0"),
        ("scale", "128"),
        ("scale", "many"),
        ("scale",),
        ("pause", "--for", "0"),
        ("pause", "--for", "nan"),
        ("explode",),
    ],
)
def test_misuse_is_64_and_changes_nothing(fleet: Fleet, args: tuple[str, ...]) -> None:
    done = fleet.ctl(*args)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.count("\n") == 1
    assert fleet.status()["workers_wanted"] == 2


def test_restart_replaces_one_worker(fleet: Fleet) -> None:
    before = fleet.worker_pids()
    done = fleet.ctl("restart", "w00")
    assert done.stdout == ("w00 finishes what it holds and leaves; a new one takes its place\n")
    until(lambda: len({*fleet.worker_pids()} - {*before}) == 1, 5.0)
    assert before[1] in fleet.worker_pids()
    refused = fleet.ctl("drain", "w77")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no such worker" in refused.stderr


def test_dump_writes_the_stacks_of_every_child(fleet: Fleet) -> None:
    done = fleet.ctl("dump")
    assert (done.returncode, done.stdout) == (
        0,
        "asked 4 processes for their stacks; see the log\n",
    )
    until(lambda: fleet.log().count("most recent call first") >= 4, 5.0)
    assert fleet.status()["workers_serving"] == 2


def test_retry_has_nothing_to_do(fleet: Fleet) -> None:
    assert fleet.ctl("retry").stdout == "nothing waits for its start\n"


def test_what_was_asked_is_logged_with_who_asked(fleet: Fleet) -> None:
    fleet.ctl("resume")

    def asked() -> list[dict[str, str]]:
        return [one for one in fleet.events("control-asked") if one["command"] == "resume"]

    last = until(asked, 5.0)[-1]
    assert ", pid " in last["by"]
    assert last["did"] in ("resumed", "was not paused")


def test_without_a_fleet_it_is_2(tmp_path: Path) -> None:
    for verb in (("pause",), ("stop",), ("reload",), ("scale", "2")):
        done = ctl(tmp_path, *verb)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"sockq: no fleet runs in {tmp_path}\n"


def test_a_parent_that_stands_still_is_no_answer() -> None:
    with Fleet(MEMORY, workers=1) as fleet:
        fleet.signal(signal.SIGSTOP)
        try:
            done = fleet.ctl("pause")
        finally:
            fleet.signal(signal.SIGCONT)
        assert (done.returncode, done.stdout) == (3, "")
        assert "did not answer within" in done.stderr


def test_only_the_fleets_user_may_ask(fleet: Fleet) -> None:
    assert may_ask(os.geteuid())
    assert may_ask(0)
    assert not may_ask(os.geteuid() + 1)
    mode = (fleet.run_dir / "control.sock").stat().st_mode
    assert mode & 0o777 == 0o600


AS_NOBODY = """
import os, sys
from pathlib import Path
import sockq.supervisor.ctl_command as command
os.setgroups([]), os.setgid(65534), os.setuid(65534)
sys.exit(command.control(Path(sys.argv[1]), {"cmd": "stop"}))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_refused(fleet: Fleet) -> None:
    fleet.directory.chmod(0o755)
    command = [sys.executable, "-c", AS_NOBODY, str(fleet.run_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 3, done.stderr
    assert "another user's" in done.stderr
    assert fleet.status()["state"] == "RUNNING"


def test_drain_waits_until_nothing_is_held(server: RedisServer, client: redis.Redis) -> None:
    with Sink({}, Rules(by_path={"/slow": Rule(delay_seconds=2.0)})) as sink:
        config = redis_config(server.url, app(1, sink.url + "/slow"))
        with Fleet(config, workers=1) as fleet:
            client.rpush(KEY, *[job(f"c{n}") for n in range(5)])
            until(lambda: sink.count == 5, 5.0)
            done = fleet.ctl("drain")
            assert done.returncode == 0
            assert fleet.status()["totals"]["delivered"] == 5
            assert fleet.status()["state"] == "PAUSED"
            client.rpush(KEY, job("later"))
            until(lambda: fleet.queue()["ready"] == 1, 5.0)
            assert sink.count == 5


def test_stop_drains_and_waits(server: RedisServer, client: redis.Redis) -> None:
    with Sink({}, Rules(by_path={"/slow": Rule(delay_seconds=1.0)})) as sink:
        with Fleet(redis_config(server.url, app(1, sink.url + "/slow")), workers=2) as fleet:
            client.rpush(KEY, *[job(f"c{n}") for n in range(5)])
            until(lambda: sink.count == 5, 5.0)
            done = fleet.ctl("stop")
            assert (done.returncode, done.stdout) == (0, "stopping, within 25 s\nstopped\n")
            assert fleet.wait(2.0) == 0
        assert client.keys("*:sockq:lease*") == []


def test_reload_takes_a_new_app_and_refuses_a_broken_file(
    server: RedisServer, client: redis.Redis
) -> None:
    with Sink() as sink:
        config = redis_config(server.url, app(1, sink.url + "/one"), soak_seconds=0.2)
        with Fleet(config, workers=1) as fleet:
            before = fleet.worker_pids()
            broken = {**config, "sockq": {"in_flight": "many", "lease_second": 3}}
            fleet.config_path.write_text(json.dumps(broken))
            refused = fleet.ctl("reload", "--wait")
            assert (refused.returncode, refused.stdout) == (1, "")
            lines = refused.stderr.splitlines()
            assert lines[0] == "sockq: the configuration has 2 faults; nothing was changed"
            assert "in_flight" in refused.stderr
            assert "lease_second" in refused.stderr
            assert fleet.worker_pids() == before
            fleet.signal(signal.SIGHUP)
            until(lambda: fleet.log().count("reload-failed") == 1, 5.0)
            assert fleet.status()["reload"]["last_ok"] is False
            client.rpush(KEY, job("still works"))
            until(lambda: len(sink.to("/one")) == 1, 5.0)

            moved = {**config, "queue": {"driver": "memory"}}
            fleet.config_path.write_text(json.dumps(moved))
            assert "takes a new start" in fleet.ctl("reload").stderr
            fleet.config_path.write_text(json.dumps(redis_config(server.url, hang_seconds=9)))
            refused = fleet.ctl("reload")
            assert "sockq.hang_seconds changed; that takes a new start" in refused.stderr

            apps = (app(1, sink.url + "/one"), app(2, sink.url + "/two"))
            fleet.config_path.write_text(json.dumps(redis_config(server.url, *apps)))
            done = fleet.ctl("reload", "--wait")
            assert (done.returncode, done.stderr.count("ended")) == (0, 0), done.stderr
            assert fleet.status()["reload"] | {"last_at": 0} == {
                "active": False,
                "ok": 1,
                "failed": 4,
                "last_ok": True,
                "last_at": 0,
            }
            client.rpush(KEY, job("new", app=2))
            until(lambda: len(sink.to("/two")) == 1, 5.0)


def test_a_reload_says_the_warnings_of_the_configuration() -> None:
    with Fleet(MEMORY, workers=1) as fleet:
        warned = fleet.log().count("there are no apps")
        done = fleet.ctl("reload")
        assert "sockq: warning: there are no apps" in done.stderr
        assert fleet.log().count("there are no apps") == warned + 1
        assert '"event":"configuration-warning","what":"there are no apps' in fleet.log()
