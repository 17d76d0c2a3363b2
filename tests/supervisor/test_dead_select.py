"""Which dead letters a filter means."""

from __future__ import annotations

import pytest
from support.jobs import app, job
from support.letters import NOW_MS, letter, state

from sockq.supervisor.dead_letter import targets
from sockq.supervisor.dead_select import Selection, parse_age
from sockq.workers.app_shapes import read_app
from sockq.workers.apps import App, WebhookDefaults
from sockq.workers.target_state import TargetState


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("1d12h", 129_600),
        ("2w", 1_209_600),
        ("0.5h", 1800),
    ],
)
def test_an_age_is_read(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-2h", "2h30", "1y", "\uff12h"])
def test_what_is_no_age_is_refused_with_how_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="write 90s, 15m, 2h, 1d12h or 2w"):
        parse_age(text)


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (Selection(), True),
        (Selection(ids=frozenset({"id-1", "id-2"})), True),
        (Selection(ids=frozenset({"id-2"})), False),
        (Selection(app="app-id"), True),
        (Selection(app="app"), False),
        (Selection(reason="ANSWERED 404"), True),
        (Selection(reason="answered 4041"), False),
        (Selection(older_than_seconds=60.0), True),
        (Selection(older_than_seconds=61.0), False),
        (Selection(newer_than_seconds=60.0), True),
        (Selection(newer_than_seconds=59.0), False),
        (Selection(app="app-id", reason="404", older_than_seconds=1.0), True),
        (Selection(app="app-id", reason="410", older_than_seconds=1.0), False),
    ],
)
def test_everything_that_is_given_has_to_hold(selection: Selection, meant: bool) -> None:
    assert selection.matches(letter(), NOW_MS) is meant


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("endpoint answered 404 (3 attempts)", "endpoint answered 404"),
        ("unknown app 'a': no app of the configuration has this id", "unknown app"),
        ("invalid job: not JSON: Input data was truncated", "invalid job"),
        ("gave up after 12 attempts in 290 s: timeout", "gave up after N attempts in N s"),
        ("gave up after 1 attempt in 3 s: timeout", "gave up after N attempt in N s"),
        ("tampered: the job's signature is not its app's", "tampered"),
        ("", "no reason given"),
    ],
)
def test_the_class_of_a_reason_leaves_particulars_out(reason: str, kind: str) -> None:
    found = letter(reason=reason)
    assert found.kind == kind
    assert Selection(reason=kind.upper()).matches(found, NOW_MS)


def test_only_everything_is_everything() -> None:
    assert Selection().everything
    assert not Selection(newer_than_seconds=0.0).everything


def test_a_job_that_cannot_be_read_is_of_no_app() -> None:
    found = letter(payload=b"\xff{", reason="invalid job: not UTF-8 text")
    assert (found.app_id, found.events, found.time_ms) == ("", (), 0)
    assert Selection(reason="invalid").matches(found, NOW_MS)
    assert not Selection(app="app-id").matches(found, NOW_MS)


def configured(*urls: str) -> App:
    found, faults, _ = read_app(app(1, *urls), WebhookDefaults(), "apps[0]")
    assert found is not None, faults
    return found


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("hooks.example.com", True),
        ("HOOKS.example.com/a", True),
        ("https://hooks.example.com/a?token=1", True),
        ("https://user:pass@hooks.example.com/a", True),
        ("other.example.com", False),
        ("/b", False),
    ],
)
def test_an_endpoint_is_found_by_a_part_of_its_url(text: str, meant: bool) -> None:
    its_app = configured("https://user:pass@hooks.example.com/a?token=1", "https://b.example.com/b")
    owed = its_app.webhooks[0].target_id
    found = letter(state=state(**{f"t_{owed}": TargetState()}))
    assert Selection(endpoint=text).matches_endpoint(found, its_app) is meant


def test_an_endpoint_is_found_by_its_id_although_nobody_knows_the_app() -> None:
    found = letter(state=state(t_0123456789abcdef=TargetState()))
    assert Selection(endpoint="0123456789abcdef").matches_endpoint(found, None)
    assert not Selection(endpoint="example.com").matches_endpoint(found, None)
    assert not Selection(endpoint="example.com").matches_endpoint(letter(state=b"{"), None)


def test_a_letter_without_state_owes_all_webhooks_that_want_its_events() -> None:
    its_app = configured("https://a.example.com/", "https://b.example.com/")
    assert [t.label for t in targets(letter(), its_app)] == [
        "https://a.example.com/",
        "https://b.example.com/",
    ]
    other = letter(payload=job("c", name="cache_miss"))
    assert targets(other, its_app) == []
