"""Hosts of a fleet judged by the age of their heartbeats, and shown as text and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.status_documents import healthy, workers_64

from sockq.drivers.errors import BackendRefused
from sockq.drivers.settings import NoneSettings
from sockq.drivers.source import Heartbeat
from sockq.supervisor.fleet_text import fleet_document, render_fleet
from sockq.supervisor.fleet_view import fleet_state, hosts_of, odd_versions, read_fleet
from sockq.supervisor.heartbeat import heartbeat_document, host_name


def beat(name: str, age: float, every: float = 5.0, **more: Any) -> Heartbeat:
    document = heartbeat_document({**healthy(1), "host": name, **more}, every)
    return Heartbeat(f"{name}/0123", document, age)


@pytest.mark.parametrize(
    ("age", "every", "seen"),
    [
        (0.0, 5.0, "now"),
        (14.9, 5.0, "now"),
        (15.0, 5.0, "late"),
        (29.9, 5.0, "late"),
        (30.0, 5.0, "lost"),
        (5.0, 1.0, "late"),
        (6.0, 1.0, "lost"),
    ],
)
def test_a_silent_host_is_late_then_lost(age: float, every: float, seen: str) -> None:
    (host,) = hosts_of([beat("edge-1", age, every)])
    assert host["seen"] == seen


def test_a_heartbeat_that_cannot_be_read_says_so() -> None:
    hosts = hosts_of([Heartbeat("a/1", b"\xff", 1.0), Heartbeat("b/1", b'{"schema":9}', 40.0)])
    assert [(one["state"], one["seen"]) for one in hosts] == [
        ("UNKNOWN", "now"), ("UNKNOWN", "lost"),
    ]  # fmt: skip
    assert "cannot be read" in render_fleet(hosts, 0.0)


@pytest.mark.parametrize(
    ("beats", "state"),
    [
        ([], "DOWN"),
        ([beat("a", 1.0)], "RUNNING"),
        ([beat("a", 1.0), beat("b", 2.0)], "RUNNING"),
        ([beat("a", 1.0), beat("b", 16.0)], "DEGRADED"),
        ([beat("a", 1.0), beat("b", 60.0)], "DEGRADED"),
        ([beat("a", 60.0)], "UNKNOWN"),
        ([beat("a", 1.0, state="PAUSED"), beat("b", 1.0)], "DEGRADED"),
        ([beat("a", 1.0, state="PAUSED"), beat("b", 1.0, state="PAUSED")], "PAUSED"),
    ],
)
def test_the_state_of_all(beats: list[Heartbeat], state: str) -> None:
    assert fleet_state(hosts_of(beats)) == state


def test_versions_that_differ_from_the_usual_one_are_marked() -> None:
    hosts = hosts_of(
        [beat("a", 1.0), beat("b", 1.0), beat("c", 1.0, version="1.1.0"), beat("d", 90.0)]
    )
    assert odd_versions(hosts) == {"1.1.0"}
    text = render_fleet(hosts, 0.0)
    assert "1.1.0*" in text
    assert "1.0.0*" not in text
    marked = [one["version_differs"] for one in fleet_document(hosts, 0.0)["hosts"]]
    assert marked == [False, False, True, False]
    assert odd_versions(hosts_of([beat("a", 1.0), beat("b", 1.0)])) == set()


def test_the_text_of_a_fleet() -> None:
    hosts = hosts_of([beat("edge-1", 1.0), beat("edge-2", 17.0), beat("edge-3", 65.0)])
    lines = render_fleet(hosts, 0.0).splitlines()
    assert lines[0] == "sockq fleet  DEGRADED  3 hosts  1970-01-01T00:00:00Z"
    assert lines[1] == "problem  edge-3/0123: lost, its last heartbeat came 1m05s ago"
    assert lines[2] == "problem  edge-2/0123: late, its last heartbeat came 17s ago"
    assert lines[3].startswith("queue    webhooks  waiting 15  active 72  oldest 0.4s")
    table = [" ".join(line.split()) for line in lines[4:]]
    assert table[0].startswith("HOST STATE SEEN VERSION WORKERS")
    assert table[1].startswith("edge-1/0123 RUNNING 1.0s ago 1.0.0 6/6")
    assert table[2].startswith("edge-2/0123 RUNNING late 17s")
    assert table[3].startswith("edge-3/0123 LOST lost 1m05s")


def test_a_host_that_has_disabled_endpoints_is_told_of() -> None:
    hosts = hosts_of(
        [
            beat("edge-1", 1.0, endpoints_disabled=2),
            beat("edge-2", 1.0),
            beat("edge-3", 90.0, endpoints_disabled=1),
        ]
    )
    lines = render_fleet(hosts, 0.0).splitlines()
    told = [line for line in lines if line.startswith("disabled")]
    assert told == ["disabled edge-1/0123: 2 of its endpoints"]


def test_a_heartbeat_stays_small() -> None:
    told = json.loads(heartbeat_document(healthy(1), 5.0))
    assert told["heartbeat_seconds"] == 5.0
    assert {"endpoints", "events", "directory"}.isdisjoint(told)
    assert {"state", "version", "host", "pid", "queue", "totals", "workers"} <= set(told)
    many = {**workers_64(1), "workers": workers_64(1)["workers"] * 8}
    cut = heartbeat_document(many, 5.0)
    assert len(cut) < 65_536
    assert json.loads(cut)["workers_left_out"] == 512


def test_a_fleet_keeps_its_name_in_its_directory() -> None:
    one, other = Path("/run/sockq"), Path("/run/sockq-2")
    assert host_name("edge-1", one) == host_name("edge-1", one)
    assert host_name("edge-1", one) != host_name("edge-1", other)


def test_a_queue_without_a_place_for_heartbeats_names_the_way_out() -> None:
    with pytest.raises(BackendRefused, match="--url"):
        read_fleet(NoneSettings())
