"""Names, errors and bodies of SQS: tables, no service."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from botocore import exceptions

from sockq.drivers import sqs_message, sqs_names
from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.drivers.job import Lease
from sockq.drivers.registry import make_driver
from sockq.drivers.settings import SqsSettings
from sockq.drivers.sqs import SqsDriver
from sockq.drivers.sqs_errors import translate
from sockq.drivers.sqs_lanes import Lanes

PREFIX = "https://sqs.eu-west-1.amazonaws.com/1/"


@pytest.mark.parametrize(
    ("settings", "name", "url", "dead"),
    [
        (SqsSettings(), "webhooks", None, "webhooks-dead"),
        (SqsSettings(fifo=True), "webhooks.fifo", None, "webhooks-dead.fifo"),
        (SqsSettings(queue="a.fifo", fifo=True), "a.fifo", None, "a-dead.fifo"),
        (
            SqsSettings(queue_url_prefix=PREFIX, fifo=True),
            "webhooks.fifo",
            f"{PREFIX}webhooks.fifo",
            "webhooks-dead.fifo",
        ),
        # No slash is added: what is meant as a prefix of the name stays one.
        (
            SqsSettings(queue_url_prefix=f"{PREFIX}prod-"),
            "prod-webhooks",
            f"{PREFIX}prod-webhooks",
            "prod-webhooks-dead",
        ),
        (
            SqsSettings(queue_url=f"{PREFIX}soketi.fifo", queue_url_prefix="x"),
            "soketi.fifo",
            f"{PREFIX}soketi.fifo",
            "soketi-dead.fifo",
        ),
    ],
)
def test_names_and_urls(settings: SqsSettings, name: str, url: str | None, dead: str) -> None:
    assert sqs_names.queue_name(settings) == name
    assert sqs_names.given_url(settings) == url
    assert sqs_names.dead_name(name) == dead
    assert sqs_names.is_fifo(settings) is name.endswith(".fifo")


def test_the_defaults_are_the_servers() -> None:
    settings = SqsSettings()
    assert (settings.region, settings.queue) == ("us-east-1", "webhooks")
    assert (settings.max_messages, settings.wait_time_seconds) == (10, 5)
    assert (settings.visibility_timeout_seconds, settings.message_group_id) == (30, "default")
    assert isinstance(make_driver(settings), SqsDriver)


@pytest.mark.parametrize("settings", [{"max_messages": 11}, {"wait_time_seconds": 21}])
async def test_settings_that_sqs_has_not(settings: dict[str, Any]) -> None:
    with pytest.raises(BackendRefused, match="max_messages is 1 to 10"):
        await SqsDriver(SqsSettings(**settings)).open()


async def test_an_endpoint_that_is_no_url() -> None:
    driver = SqsDriver(SqsSettings(endpoint_url="me:pa55@nowhere"))
    with pytest.raises(BackendRefused, match="endpoint is no URL") as caught:
        await driver.open()
    await driver.close()
    assert "pa55" not in str(caught.value)


def answered(code: str, status: int, message: str = "why") -> exceptions.ClientError:
    error: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return exceptions.ClientError(error, "ReceiveMessage")


@pytest.mark.parametrize(
    ("error", "passes", "text"),
    [
        (answered("ThrottlingException", 400), True, "is not ready: ThrottlingException"),
        (answered("AWS.SimpleQueueService.OverLimit", 403), True, "OverLimit"),
        (answered("AWS.SimpleQueueService.QueueDeletedRecently", 400), True, "Recently"),
        (answered("Whatever", 503), True, "not ready"),
        (answered("AccessDenied", 403), False, "allow the action"),
        (answered("AWS.SimpleQueueService.NonExistentQueue", 400), False, "no such queue"),
        (answered("InvalidParameterValue", 400, "a\nb"), False, "InvalidParameterValue a b"),
        (answered("ExpiredToken", 403), False, "renew the credentials"),
        (answered("SignatureDoesNotMatch", 403), False, "clock of this machine"),
        (exceptions.NoCredentialsError(), False, "set AWS_ACCESS_KEY_ID"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), False, "AWS_PROFILE"),
        (exceptions.ProfileNotFound(profile="p"), False, "set AWS_PROFILE"),
        (
            exceptions.CredentialRetrievalError(provider="x", error_msg="y"),
            True,
            "cannot be had now",
        ),
        (exceptions.EndpointConnectionError(endpoint_url="http://u:pw@h"), True, "refused"),
        (exceptions.ConnectTimeoutError(endpoint_url="http://u:pw@h"), True, "no answer in time"),
        (exceptions.ReadTimeoutError(endpoint_url="http://u:pw@h"), True, "no answer in time"),
        (exceptions.ConnectionClosedError(endpoint_url="http://u:pw@h"), True, "closed"),
        (
            exceptions.SSLError(endpoint_url="x", error=ValueError("CERTIFICATE_VERIFY_FAILED")),
            False,
            "AWS_CA_BUNDLE",
        ),
        (exceptions.ParamValidationError(report="bad"), False, "failed"),
        (KeyError("k"), False, "KeyError"),
    ],
)
def test_errors(error: Exception, passes: bool, text: str) -> None:
    found = translate(error, "SQS in us-east-1", "ReceiveMessage of webhooks")
    assert isinstance(found, BackendUnavailable if passes else BackendRefused)
    assert text in str(found)
    assert "SQS in us-east-1" in str(found)
    assert "\n" not in str(found)
    assert "pw" not in str(found)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{}", None),
        ("žluť \U0001f984\t\r\n".encode(), None),
        (b"\xff", "not UTF-8"),
        (b"a\x00", "U+0000"),
        (b"\x1b", "U+001B"),
        ("\ufffe".encode(), "U+FFFE"),
        (b"", "empty"),
    ],
)
def test_bytes_that_sqs_cannot_carry(payload: bytes, reason: str | None) -> None:
    found = sqs_message.forbidden(payload)
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert reason in found


@pytest.mark.parametrize(
    ("body", "id_"),
    [
        (b'{"job_id":"abc","x":1}', "abc"),
        (b'{"x":{"job_id":"abc"}}', None),
        (b'{"job_id":7}', None),
        (b'{"job_id":""}', None),
        (b'{"job_id":"' + b"x" * 513 + b'"}', sha256(b"x" * 513).hexdigest()),
        (b'{"job_id":"a\\u0001b"}', sha256(b"a\x01b").hexdigest()),  # no attribute carries it
        (b'{"job_id":"a\\ufffeb"}', sha256("a\ufffeb".encode()).hexdigest()),
        (b'{"job_id":"a\\tb"}', "a\tb"),
        (b"not json", None),
        (None, None),
    ],
)
def test_ids_of_sockudo_5(body: bytes | None, id_: str | None) -> None:
    assert sqs_message.job_id(body) == id_


def test_what_is_written_is_read() -> None:
    lease = Lease("job-1", b'{"a":1}', 3, "r", "o", b"old", crashes=2)
    state = bytes(range(256))
    given = sqs_message.attributes(
        lease,
        attempts=3,
        state=state,
        due_ms=99,
        burial=sqs_message.Burial("why", 1_234, "group"),
    )
    found = sqs_message.entry(lease.payload, given, 10_000)
    assert found is not None
    raw = {
        "MessageId": "m",
        "ReceiptHandle": "h",
        "Body": found["MessageBody"],
        "MessageAttributes": found["MessageAttributes"],
        "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "7"},
    }
    message, burial = sqs_message.read(raw, 5.0)
    assert (message.id, message.body, message.state) == ("job-1", b'{"a":1}', state)
    assert (message.attempts, message.crashes, message.due_ms) == (3, 2, 99)
    assert burial == sqs_message.Burial("why", 1_234, "group")


def test_a_batch_of_one_group_makes_one_lane() -> None:
    def message(number: int, group: str) -> sqs_message.Message:
        return sqs_message.Message(f"m{number}", f"h{number}", b"x", 1, group, f"j{number}")

    lanes = Lanes()
    lanes.put([message(1, "a"), message(2, "b"), message(3, "a")])
    ready = lanes.ready(10, now=0.0)
    assert [lane.messages[0].id for lane in ready] == ["j1", "j2"]
    assert [[x.id for x in lane.successors] for lane in ready] == [["j3"], []]
    lanes.hand_out(ready[0], "receipt")
    assert [lane.messages[0].id for lane in lanes.ready(10, 0.0)] == ["j2"]
    lane = lanes.of("a", "receipt")
    assert lane is ready[0]
    lanes.hold(lane, due=5.0)
    assert lanes.of("a", "receipt") is None
    assert lanes.next_due(0.0) == 5.0
    assert len(lanes.ready(10, 4.9)) == 1
    assert [x.messages[0].id for x in lanes.ready(10, 5.0)] == ["j2", "j1"]
    lanes.advance(lane)
    assert lane.messages[0].id == "j3"
    lanes.put([message(4, "a")])
    lanes.drop(lane)  # SQS gave the group anew: this lane is gone already
    assert sorted(x.messages[0].id for x in lanes) == ["j2", "j4"]
