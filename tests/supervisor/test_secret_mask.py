"""What is shown of a job has no secret in it."""

from __future__ import annotations

import json

import pytest
from support.jobs import job

from sockq.supervisor.secret_mask import masked


def test_a_job_is_shown_without_its_secret() -> None:
    shown = masked(job("room"))
    assert isinstance(shown, dict)
    assert shown == json.loads(job("room")) | {"app_secret": "***"}


@pytest.mark.parametrize(
    "payload",
    [
        b'{"app_secret":"hush","payload":',
        b'{"app_secret":"hush',
        b'{"app_secret" : "hush\\"hush", nonsense',
        b'{"app\\u005fsecret":"hush"}',
        b'{"appSecret":"hush"}',
        b"app_secret=hush&x=1",
        b'\xff\xfe{"app_secret":"hush"}',
        b"{'app_secret': 'hush'}",
    ],
)
def test_no_secret_is_shown_however_the_job_is_broken(payload: bytes) -> None:
    shown = json.dumps(masked(payload))
    assert "hush" not in shown
    assert "***" in shown


def test_a_secret_that_was_taken_out_is_no_secret() -> None:
    assert masked(b'{"app_secret":null}') == {"app_secret": None}
    assert masked(b"[1]") == [1]
