"""An endpoint dies and is mended; the operator looks, replays, is killed, replays again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from signal import SIGINT
from typing import Any

import pytest
import redis
from support.fleet import Fleet
from support.jobs import KEY, SECRETS, app, job, redis_config
from support.redis_server import RedisServer
from support.sink import Sink, events, header
from support.sqs_server import SqsServer
from support.until import until

from sockq.supervisor.receiver_rules import Rule, Rules

pytestmark = pytest.mark.timeout(180)

GONE = Rules(by_path={"/hook": Rule(status=410)})
LETTERS = 120

REFUSALS: list[tuple[tuple[str, ...], int, str]] = [
    (("replay",), 64, "add --yes, or --dry-run to look first"),
    (("replay", "--yes"), 1, "sockq dead ls shows what there is"),
    (("drop", "--yes", "no-such-id"), 1, "sockq dead ls shows what there is"),
    (("show", "no-such-id"), 1, "there is no dead letter no-such-id"),
    (("ls", "--older-than", "2 hours"), 64, "write 90s, 15m, 2h, 1d12h or 2w"),
    (("ls", "--older-than", "2h", "--newer-than", "1h"), 64, "swap them"),
    (("ls", "--source", "elsewhere"), 64, "there is sockudo_queue::queue:webhooks"),
    (("drop", "--rate", "0", "--yes"), 64, "--rate takes"),
    (("show",), 64, "see sockq dead show --help"),
]


class Site:
    """A fleet, its endpoint, and an operator at a terminal-less shell."""

    def __init__(self, fleet: Fleet, sink: Sink, env: Mapping[str, str]) -> None:
        self.fleet = fleet
        self.sink = sink
        self.env = {**os.environ, **env}

    def command(self, verb: str, *args: str) -> list[str]:
        where = ["--dir", str(self.fleet.run_dir), "--config", str(self.fleet.config_path)]
        return [sys.executable, "-m", "sockq.supervisor", "dead", verb, *args, *where]

    def sockq(self, verb: str, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(verb, *args),
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def enqueue(self, jobs: list[bytes]) -> None:
        command = self.fleet.command("enqueue", "-", "--config", str(self.fleet.config_path))
        lines = b"\n".join(jobs)
        subprocess.run(command, env=self.env, input=lines, timeout=60, check=True)

    def dead(self) -> int:
        return int(self.fleet.queue().get("dead") or 0)

    def letters(self, *args: str) -> list[dict[str, Any]]:
        done = self.sockq("ls", "--json", *args)
        assert done.returncode in (0, 1), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def all_accounted_for(self, jobs: int) -> int:
        """How many are dead letters, once every job is one or was delivered; else 0."""
        left = len(self.letters())
        return left if left + len(self.delivered()) >= jobs else 0

    def delivered(self) -> Counter[str]:
        """Channels that the mended endpoint took, how often each."""
        return Counter(
            str(events(one)[0]["channel"]) for one in self.sink.to("/hook") if one.status == 200
        )


@contextmanager
def site(config: dict[str, Any], sink: Sink, env: Mapping[str, str]) -> Iterator[Site]:
    config["app_manager"] = {
        "driver": "memory",
        "array": {"apps": [app(1, f"{sink.url}/hook", f"{sink.url}/there"), app(2, sink.url)]},
    }
    with Fleet(config, env=env) as fleet:
        yield Site(fleet, sink, env)


@pytest.fixture(scope="module")
def sqs() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


@pytest.fixture(params=["memory", "redis", "sqs"])
def here(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The same site on each kind of queue."""
    with Sink(SECRETS, GONE) as sink:
        if request.param == "redis":
            server: RedisServer = request.getfixturevalue("server")
            with site(redis_config(server.url), sink, {}) as found:
                yield found
        elif request.param == "memory":
            with site({"queue": {"driver": "memory"}}, sink, {}) as found:
                yield found
        else:
            moto: SqsServer = request.getfixturevalue("sqs")
            moto.reset()
            env = {
                **moto.environment,
                "QUEUE_DRIVER": "sqs",
                "QUEUE_SQS_ENDPOINT_URL": moto.url,
                "QUEUE_SQS_WAIT_TIME_SECONDS": "1",
            }
            with site({}, sink, env) as found:
                yield found


def test_letters_are_replayed_once_each_although_the_replay_is_killed(
    here: Site, request: pytest.FixtureRequest
) -> None:
    wanted = {f"c{n}" for n in range(LETTERS)}
    here.enqueue([job(channel) for channel in sorted(wanted)])
    until(lambda: here.dead() == LETTERS, within=60, explain=here.fleet.log)

    listed = here.sockq("ls", "--limit", "5")
    assert listed.returncode == 0, listed.stderr
    lines = listed.stdout.splitlines()
    assert lines[0].startswith(f"{LETTERS} dead letters in ")
    assert lines[1] == f"by reason  {LETTERS}  endpoint answered 410 Gone"
    assert lines[2] == f"by app     {LETTERS}  app-id"
    assert len(lines) == 3 + 1 + 1 + 5, "counts, a gap, a head, five letters"

    (letter,) = here.letters("--limit", "1")
    (target,) = letter["targets"]
    assert target["endpoint"] == f"{here.sink.url}/hook", "the other one has had its webhook"
    assert target["attempts"] == 1
    shown = here.sockq("show", letter["id"])
    assert shown.returncode == 0, shown.stderr
    assert f"owed      {here.sink.url}/hook" in shown.stdout
    assert "app-secret" not in shown.stdout + listed.stdout + str(letter)
    assert letter["payload"]["app_secret"] is None, "the configuration can give it back"

    dry = here.sockq("replay", "--endpoint", "/hook", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout.endswith("nothing was replayed: this was a --dry-run\n")
    assert len(here.letters()) == LETTERS

    here.sink.set_rules(Rules())
    replay = ("replay", "--endpoint", "/hook", "--rate", "40", "--yes")
    with subprocess.Popen(here.command(*replay), env=here.env, stdin=subprocess.DEVNULL) as killed:
        until(lambda: here.delivered().total() >= LETTERS // 6, within=30)
        killed.kill()
    # On SQS what the killed one looked at is out of sight for some seconds.
    left = until(lambda: here.all_accounted_for(LETTERS), within=60)
    assert 0 < left < LETTERS, "killed in the middle"

    again = here.sockq(*replay)
    assert again.returncode == 0, again.stderr
    assert again.stdout.endswith(f"replayed {left} dead letters\n")
    until(lambda: set(here.delivered()) == wanted, within=30, explain=here.fleet.log)
    assert here.letters() == []
    assert len(here.sink.to("/there")) == LETTERS, "who has had it gets it no more"
    assert all(one.verdict.ok for one in here.sink.received), "signed with the app's secret"
    twice = here.delivered().total() - LETTERS
    if "sqs" in request.node.name:
        # Sent, and killed before it was deleted: SQS has no single step for both.
        took = [one for one in here.sink.to("/hook") if one.status == 200]
        assert len({header(one, "X-Sockq-Delivery-Id") for one in took}) == LETTERS
        assert twice <= 10
    else:
        assert twice == 0


def test_a_replay_stops_when_asked_and_never_loops_over_those_that_die_again(
    here: Site,
) -> None:
    here.enqueue([job(f"c{n}") for n in range(40)])
    until(lambda: here.dead() == 40, within=60, explain=here.fleet.log)
    first = {letter["id"]: letter["died_at_ms"] for letter in here.letters()}

    all_again = here.sockq("replay", "--yes", "--rate", "20")
    assert all_again.returncode == 0, all_again.stderr
    assert all_again.stdout.endswith("replayed 40 dead letters\n")
    until(lambda: len(here.sink.to("/hook")) == 80, within=30, explain=here.fleet.log)
    until(lambda: here.dead() == 40, within=30, explain=here.fleet.log)
    second = {letter["id"]: letter["died_at_ms"] for letter in here.letters()}
    assert second.keys() == first.keys()
    assert all(second[id_] > first[id_] for id_ in first)
    assert [letter["targets"][0]["attempts"] for letter in here.letters()] == [2] * 40

    drop = here.command("drop", "--yes", "--rate", "10")
    with subprocess.Popen(
        drop, env=here.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as stopped:
        until(lambda: here.dead() < 40, within=30)
        stopped.send_signal(SIGINT)
        said, _ = stopped.communicate(timeout=30)
    assert stopped.returncode == 130
    last = said.splitlines()[-1]
    assert last.endswith("of 40; the rest stays: the same command again goes on"), said
    left = len(here.letters())
    assert last.startswith(f"dropped {40 - left} dead letter")
    assert here.sockq("drop", "--yes").stdout.endswith(f"dropped {left} dead letters\n")
    assert here.letters() == []


def test_a_store_of_dead_letters_has_no_secret_that_the_configuration_can_give_back(
    server: RedisServer, client: redis.Redis
) -> None:
    """Nor does it grow for ever, and what goes is counted and told."""
    with (
        Sink(SECRETS, GONE) as sink,
        site(redis_config(server.url, dead_limit=7), sink, {}) as here,
    ):
        client.rpush(KEY, *[job(f"c{n}") for n in range(30)], job("x", app=9))
        until(lambda: here.fleet.queue().get("trimmed") == 24, within=40, explain=here.fleet.log)
        until(lambda: here.dead() == 7, within=10)
        (key,) = client.keys("*:dead-jobs")
        stored = client.hvals(key)
        assert len(stored) == 7
        assert not any(b"app-secret" in one for one in stored)
        (told,) = [line for line in here.fleet.log().splitlines() if '"dead-trimmed"' in line]
        assert json.loads(told)["most"] == 7
        kept = [one["reason_class"] for one in here.letters()]
        assert kept[-1] == "unknown app"
        assert any(b"secret-9" in one for one in stored), "nobody else has it"


def test_every_refusal_is_a_line_and_a_code(server: RedisServer) -> None:
    with Sink(SECRETS) as sink, site(redis_config(server.url), sink, {}) as here:
        for arguments, code, said in REFUSALS:
            done = here.sockq(*arguments)
            assert (done.returncode, done.stdout) == (code, ""), arguments
            (line,) = done.stderr.splitlines()
            assert said in line, arguments
        nothing = here.sockq("ls")
        assert (nothing.returncode, nothing.stdout) == (0, "no dead letters\n")
        server.kill()
        away = here.sockq("replay", "--yes")
        assert away.returncode == 75
        assert "start it, or set" in away.stderr
        assert len(away.stderr.splitlines()) == 1


def test_a_pipe_that_is_closed_is_no_error(server: RedisServer, client: redis.Redis) -> None:
    with Sink(SECRETS) as sink, site(redis_config(server.url), sink, {}) as here:
        client.rpush(KEY, *[b"?" * 2_000 for _ in range(300)])
        until(lambda: here.dead() == 300, within=30, explain=here.fleet.log)
        with subprocess.Popen(
            here.command("ls", "--json"),
            env=here.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as listing:
            assert listing.stdout is not None
            assert listing.stderr is not None
            json.loads(listing.stdout.readline())
            listing.stdout.close()
            assert (listing.stderr.read(), listing.wait(30)) == (b"", 0)
