"""Made jobs have the fields, the label and the key order that Sockudo gives them."""

from __future__ import annotations

import json
import re

import pytest

from sockq.supervisor.demo_story import story
from sockq.supervisor.job_events import EVENT_NAMES, make_event, make_job
from sockq.supervisor.job_lines import read_lines
from sockq.workers.dialect import parse
from sockq.workers.webhook_job import WebhookJob


@pytest.mark.parametrize(
    ("name", "fields", "label"),
    [
        ("channel_occupied", set(), "A:C:channel_occupied"),
        ("channel_vacated", set(), "A:C:channel_vacated"),
        ("member_added", {"user_id"}, "A:C:user-1:member_added"),
        ("member_removed", {"user_id"}, "A:C:user-1:member_removed"),
        ("member_updated", {"user_id", "user_info"}, "A:C:user-1:member_updated"),
        (
            "client_event",
            {"event", "data", "socket_id"},
            "A:C:142857.285714:client_event",
        ),
        ("cache_miss", {"data"}, "A:C:cache_miss"),
        ("subscription_count", {"subscription_count"}, "A:C:subscription_count:1"),
        ("ai_stream_cancelled", {"message_serial", "reason"}, "A:C:0001:ai_stream_cancelled"),
        ("ai_stream_orphaned", {"message_serial", "reason"}, "A:C:0001:ai_stream_orphaned"),
        ("ai_turn_started", {"turn_id", "client_id"}, "A:C:turn-1:ai_turn_started"),
        (
            "ai_turn_ended",
            {"turn_id", "reason", "error_code"},
            "A:C:turn-1:completed:ai_turn_ended",
        ),
        ("ai_run_started", {"run_id", "client_id"}, "A:C:run-1:ai_run_started"),
        ("ai_run_ended", {"run_id", "reason", "error_code"}, "A:C:run-1:completed:ai_run_ended"),
        (
            "ai_cancel_requested",
            {"turn_id", "client_id", "run_id"},
            "A:C:turn-1:ai_cancel_requested",
        ),
        (
            "message_version_created",
            {"message_serial", "version_serial", "action"},
            "A:C:0001:0002:message_version_created",
        ),
        (
            "annotation_created",
            {"message_serial", "annotation_serial", "annotation_type"},
            "A:C:0001:0002:annotation_created",
        ),
        (
            "annotation_deleted",
            {
                "message_serial",
                "annotation_serial",
                "annotation_type",
                "deleted_annotation_serial",
            },
            "A:C:0001:0002:annotation_deleted",
        ),
    ],
)
def test_every_event_has_its_fields_and_its_label(name: str, fields: set[str], label: str) -> None:
    job = json.loads(make_job("A", "K", "S", make_event(name, "C"), 1_700_000_000_000))
    (event,) = job["payload"]["events"]
    assert set(event) == {"name", "channel"} | fields
    assert (event["name"], event["channel"]) == (name, "C")
    assert job["original_signature"] == label


def test_a_job_is_the_servers_byte_for_byte() -> None:
    event = make_event("channel_occupied", "my-channel")
    assert make_job("app-id", "app-key", "app-secret", event, 1_700_000_000_000) == (
        b'{"app_key":"app-key","app_id":"app-id","app_secret":"app-secret","payload":'
        b'{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"my-channel"}]},'
        b'"original_signature":"app-id:my-channel:channel_occupied"}'
    )


def test_data_goes_where_the_event_has_it() -> None:
    assert make_event("client_event", "c", {"a": 1}).fields["data"] == {"a": 1}
    assert make_event("client_event", "c", None).fields["data"] is None
    assert make_event("member_updated", "c", {"a": 1}).fields["user_info"] == {"a": 1}
    assert make_event("subscription_count", "c", 7).label == "c:subscription_count:7"
    assert (
        make_event("ai_turn_started", "c", {"turn_id": None}).label == "c:unknown:ai_turn_started"
    )
    assert make_event("member_added", "c", user="ann").label == "c:ann:member_added"
    named = make_event("client_event", "c", client_event="client-x")
    assert named.fields["event"] == "client-x"


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("chanel_occupied", {}, 'did you mean "channel_occupied"?'),
        ("push.sent", {}, "there are channel_occupied"),
        ("subscription_count", "3", "a whole number"),
        ("subscription_count", True, "a whole number"),
        ("member_added", "x", "an object with some of its fields: user_id"),
        ("member_added", {"user": 1}, 'no field "user"; it has user_id'),
    ],
)
def test_what_the_event_cannot_have_is_refused(name: str, data: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        make_event(name, "c", data)


def test_the_story_has_every_kind_of_event_and_only_readable_jobs() -> None:
    events = story()
    seen = set()
    for _ in range(22):
        event = next(events)
        seen.add(event.fields["name"])
        assert isinstance(parse(make_job("a", "k", "s", event, 1), "sockudo"), WebhookJob)
    assert seen == set(EVENT_NAMES)


def test_lines_are_kept_as_they_are_and_bad_ones_are_numbered() -> None:
    good = make_job("a", "k", "hush", make_event("cache_miss", "c"), 1)
    odd = good.replace(b'"app_id"', b' "app_id"')
    found = read_lines([good + b"\n", b"\n", b"nonsense hush\n", odd + b"\r\n", b'{"app_key":1}'])
    assert [job.payload for job in found.jobs] == [good, odd]
    assert [fault.partition(":")[0] for fault in found.faults] == ["line 3", "line 5"]
    assert "hush" not in "".join(found.faults)
