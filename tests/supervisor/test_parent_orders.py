"""A real parent with real children: what it is told by signals and its control socket."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.fleet_fixtures import Start
from support.until import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


def test_ttin_and_ttou_scale_down_to_one(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    run.signal(signal.SIGTTIN)
    run.until_serving(3)
    for left in (2, 1):
        run.signal(signal.SIGTTOU)
        run.until_serving(left)
    run.signal(signal.SIGTTOU)
    run.ask(b'{"cmd": "ping"}')
    assert run.status()["workers_wanted"] == 1
    run.signal(signal.SIGTTIN)
    run.until_serving(2)
    assert {one["cause"] for one in run.events("process-ended")} == {"expected"}


def test_tstp_pauses_and_cont_resumes(start: Start) -> None:
    run = start(workers=2)
    run.until_serving(2)
    run.signal(signal.SIGTSTP)
    until(lambda: [w["state"] for w in run.workers().values()] == ["paused"] * 2)
    assert run.status()["state"] == "PAUSED"
    os.kill(run.pid("w00"), signal.SIGKILL)
    until(lambda: run.workers()["w00"]["restarts"] == 1)
    until(lambda: [w["state"] for w in run.workers().values()] == ["paused"] * 2)
    run.signal(signal.SIGCONT)
    run.until_serving(2)
    assert run.status()["state"] == "RUNNING"


def test_cont_ends_only_a_pause_that_tstp_began(start: Start) -> None:
    """CONT also comes when somebody stopped the parent itself."""
    run = start(workers=1)
    run.until_serving(1)
    run.ask(b'{"cmd": "pause"}')
    for number in (signal.SIGTSTP, signal.SIGCONT):
        run.signal(number)
    run.ask(b'{"cmd": "ping"}')
    assert run.status()["state"] == "PAUSED"
    run.ask(b'{"cmd": "resume"}')
    until(lambda: run.status()["state"] == "RUNNING")


def test_usr1_changes_nothing(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    run.signal(signal.SIGUSR1)
    assert b'"ok":true' in run.ask(b'{"cmd": "ping"}')[0]
    assert run.events("process-ended") == []


def test_more_requests_than_a_pass_takes_are_refused_not_lost(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    answers = run.ask(*[b'{"cmd": "ping"}'] * 100)
    assert len(answers) == 100
    refused = [one for one in answers if b"not done" in one]
    assert all(b'"ok":true' in one for one in answers if one not in refused)


def test_hup_replaces_every_worker_and_is_never_short_of_one(start: Start) -> None:
    run = start(workers=2, soak_seconds=0.2)
    run.until_serving(2)
    before = {one["pid"] for one in run.workers().values()}
    run.signal(signal.SIGHUP)
    fewest = 9
    while not run.events("fleet-reloaded"):
        states = [one["state"] for one in run.workers().values()]
        fewest = min(fewest, states.count("ready"))
        assert run.process.poll() is None
    assert fewest >= 2
    run.until_serving(2)
    assert not before & {one["pid"] for one in run.workers().values()}


def test_hup_with_broken_workers_keeps_the_old_ones(start: Start) -> None:
    run = start(workers=2, soak_seconds=0.2)
    run.until_serving(2)
    before = {one["pid"] for one in run.workers().values()}
    run.behave(**{"*": "78"})
    run.signal(signal.SIGHUP)
    until(lambda: run.events("reload-failed"))
    until(lambda: {one["pid"] for one in run.workers().values()} == before)
    run.until_serving(2)


def test_the_control_socket_answers_and_survives_nonsense(start: Start) -> None:
    run = start(workers=1)
    run.until_serving(1)
    answers = run.ask(b"nonsense", b'{"cmd": "burn"}', b"[1]", b'{"cmd": "ping"}')
    assert [b'"ok":false' in one for one in answers] == [True, True, True, False]
    assert f'"pid":{run.process.pid}'.encode() in answers[3]
