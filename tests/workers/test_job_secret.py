"""A job that becomes a dead letter loses its secret where the app's record has it."""

from __future__ import annotations

import json

import pytest
from support.jobs import job

from sockq.workers.apps import App
from sockq.workers.dialect import parse
from sockq.workers.job_secret import with_secret, without_secret
from sockq.workers.webhook_job import WebhookJob

APP = App("app-id", "app-key", "app-secret")
NESTED = job("c", extra=',"data":"{\\"app_secret\\":\\"app-secret\\"}"')


def taken_out(payload: bytes, app: App = APP) -> bytes | None:
    read = parse(payload, "auto")
    assert isinstance(read, WebhookJob), read
    return without_secret(payload, read, app)


def test_the_secret_goes_and_every_other_byte_stays() -> None:
    payload = job("größer\\u00e9", extra=',"data":{"a" : [1.0,1e5]}')
    assert taken_out(payload) == payload.replace(b'"app-secret"', b"null")


def test_what_is_left_can_be_worked_on_with_the_records_secret() -> None:
    kept = taken_out(job("room"))
    assert kept is not None
    assert APP.secret.encode() not in kept
    read = parse(kept, "sockudo")
    assert isinstance(read, WebhookJob)
    assert read.app_secret is None
    assert (read.app_id, read.app_key) == ("app-id", "app-key")
    assert without_secret(kept, read, APP) is None, "there is nothing more to take"


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps(json.loads(job("c")), indent=2).encode(),
        json.dumps(dict(sorted(json.loads(job("c")).items(), reverse=True))).encode(),
        job("c").replace(b'"app-secret"', b'"app-secr\\u0065t"'),
        NESTED,
        b'{"x":{"app_secret":"app-secret"},' + job("c")[1:],
        job("c", extra=',"app_secret":"app-secret"'),
    ],
)
def test_only_the_jobs_own_field_is_cut(payload: bytes) -> None:
    kept = taken_out(payload)
    assert kept is not None
    assert json.loads(kept) == json.loads(payload) | {"app_secret": None}
    assert json.loads(put_back(kept) or b"") == json.loads(payload)


@pytest.mark.parametrize(
    ("payload", "app"),
    [
        (job("c"), App("app-id", "app-key", "another")),
        (job("c").replace(b'"app-secret"', b'""'), App("app-id", "app-key", "")),
        (job("c").replace(b'"app_secret"', b'"app\\u005fsecret"'), APP),
    ],
)
def test_a_secret_that_a_replay_needs_is_kept(payload: bytes, app: App) -> None:
    assert taken_out(payload, app) is None


def put_back(payload: bytes, app: App = APP) -> bytes | None:
    read = parse(payload, "auto")
    assert isinstance(read, WebhookJob), read
    return with_secret(payload, read, app)


def test_what_was_taken_out_is_put_back_byte_for_byte() -> None:
    payload = job("größer", extra=',"data":{"a" : [1.0]}')
    kept = taken_out(payload)
    assert kept is not None
    assert put_back(kept) == payload
    assert put_back(payload) is None, "it has one"
    odd = App("app-id", "app-key", 'qu"ote\n')
    assert json.loads(put_back(kept, odd) or b"")["app_secret"] == odd.secret


def test_soketi_s_jobs_carry_none() -> None:
    payload = (
        b'{"appKey":"app-key","appId":"app-id","payload":{"time_ms":1,"events":[]},'
        b'"originalPusherSignature":"x"}'
    )
    assert taken_out(payload) is None
    assert put_back(payload) is None
