"""Jobs of soketi, and telling both servers' jobs by their shape."""

from __future__ import annotations

import json

import pytest
from support.job_payloads import SOKETI_PAYLOAD, job, soketi

from sockq.workers.dialect import parse
from sockq.workers.signing import signer_for, verify
from sockq.workers.webhook_job import Invalid, WebhookJob


@pytest.mark.parametrize("dialect", ["soketi", "auto"])
@pytest.mark.parametrize("space", ["", " "])
@pytest.mark.parametrize(
    "data", ["1", '"ž\u2028"', '"\\ud800"', '"\\\\ud800"', '"\\udc00\\ud800\\ud83d\\ude00"']
)
def test_soketi_jobs_keep_the_bytes_that_their_proof_signs(
    dialect: str, space: str, data: str
) -> None:
    whole = (SOKETI_PAYLOAD % data).encode()
    proof = signer_for("s").sign(whole).decode()
    got = parse(soketi(data, proof=proof, space=space), dialect)  # type: ignore[arg-type]
    assert isinstance(got, WebhookJob)
    assert (got.app_id, got.app_key, got.app_secret) == ("7", "k", None)
    assert got.whole == whole
    assert got.proof is not None
    assert verify("s", got.whole, got.proof)
    assert not verify("other", got.whole, got.proof)
    assert bytes(got.events[0]) == whole[len('{"time_ms":1700000000000,"events":[') : -2]
    assert (got.heads[0].name, got.heads[0].channel) == ("client_event", "c")


def test_soketi_jobs_that_are_none() -> None:
    cases = {
        b"": "empty job",
        b"null": "the job is of type null, not object",
        b'{"appKey":"k","payload":{}}': "field appId is missing",
        soketi(key="[]"): "field appKey is of type array, not int | str",
        soketi("NaN"): "not JSON: NaN or Infinity",
        soketi().replace(b"1700000000000", b"1.5"): (
            "field payload.time_ms is of type float, not int"
        ),
        soketi().replace(b'"time_ms":1700000000000,', b""): "field payload.time_ms is missing",
        soketi(key='"a\\nb"'): "the app key has a control character and cannot be sent as a header",
        soketi().replace(b'"c"', b'"\xff"'): "not UTF-8",
        soketi('"\\ud800"').replace(b'"events"', b'"\\u0065vents"'): (
            "the events cannot be found in the bytes of the payload"
        ),
    }
    assert {raw: parse(raw, "soketi") for raw in cases} == {
        raw: Invalid(text) for raw, text in cases.items()
    }


def test_auto_tells_by_shape_whatever_the_order() -> None:
    fields = list(json.loads(job()).items())
    turned = json.dumps(dict(reversed(fields))).encode()
    assert isinstance(parse(turned, "auto"), WebhookJob)
    turned = json.dumps(dict(reversed(list(json.loads(soketi()).items())))).encode()
    got = parse(turned, "auto")
    assert isinstance(got, WebhookJob)
    assert got.app_secret is None
