"""One call of a function: what Lambda is sent, and how its answers are told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.lambda_server import Answer, LambdaServer, failed_function, refusal

from sockq.workers.apps import FunctionTarget
from sockq.workers.endpoint import user_agent
from sockq.workers.lambda_payload import wrapped
from sockq.workers.lambda_target import LambdaClients, call
from sockq.workers.outcome import Fault

SECRET = "secret-of-nobody"
BODY = b'{"time_ms":1700000000000,"events":[{"name":"channel_occupied", "n":1.10}]}'


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDAROUND")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture
def server() -> Iterator[LambdaServer]:
    with LambdaServer() as started:
        yield started


@pytest.fixture
def clients() -> Iterator[LambdaClients]:
    made = LambdaClients(2.0, 4)
    yield made
    made.close()


def target(server: LambdaServer, **changes: object) -> FunctionTarget:
    return replace(FunctionTarget("fn", endpoint_url=server.url), **changes)  # type: ignore[arg-type]


def test_an_event_is_handed_over_byte_for_byte(
    server: LambdaServer, clients: LambdaClients
) -> None:
    outcome = call(clients, target(server, region="eu-west-1"), BODY, 5.0)
    assert (outcome.delivered, outcome.status, outcome.detail) == (True, 202, "")
    assert 0 < outcome.elapsed_seconds < 5
    (invoked,) = server.invoked
    assert (invoked.function, invoked.kind, invoked.payload) == ("fn", "Event", BODY)
    assert (invoked.region, invoked.access_key_id) == ("eu-west-1", "AKIDAROUND")


def test_the_region_chooses_the_endpoint(
    server: LambdaServer, clients: LambdaClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = clients.get(FunctionTarget("fn", "ap-south-1"), 5.0)
    assert client.meta.endpoint_url == "https://lambda.ap-south-1.amazonaws.com"
    assert clients.get(FunctionTarget("other", "ap-south-1"), 5.0) is client
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    assert call(clients, FunctionTarget("fn", "eu-north-1"), BODY, 5.0).delivered
    assert server.invoked[0].region == "eu-north-1"


def test_own_credentials_and_an_arn(server: LambdaServer, clients: LambdaClients) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:fn"
    own = target(
        server, name=arn, access_key_id="AKIDOWN", secret_access_key="x", session_token="token"
    )
    assert call(clients, own, BODY, 5.0).delivered
    (invoked,) = server.invoked
    assert (invoked.function, invoked.access_key_id) == (arn, "AKIDOWN")
    assert invoked.headers["X-Amz-Security-Token"] == "token"


def test_a_function_that_is_waited_for(server: LambdaServer, clients: LambdaClients) -> None:
    outcome = call(clients, target(server, waits=True), BODY, 5.0)
    assert (outcome.delivered, outcome.status) == (True, 200)
    assert server.invoked[0].kind == "RequestResponse"


def test_a_function_that_fails_counts_as_500(server: LambdaServer, clients: LambdaClients) -> None:
    server.rule = lambda _: failed_function("bo\nom")
    outcome = call(clients, target(server, waits=True), BODY, 5.0)
    assert outcome.status == 500
    assert outcome.detail.startswith("the function failed (Unhandled): ")
    assert "\n" not in outcome.detail


@pytest.mark.parametrize(
    ("answer", "status", "fault"),
    [
        (refusal(429, "TooManyRequestsException"), 429, None),
        (refusal(404, "ResourceNotFoundException"), 404, None),
        (refusal(403, "AccessDeniedException"), 403, None),
        (refusal(400, "InvalidParameterValueException"), 400, None),
        (refusal(409, "ResourceConflictException"), 409, None),
        (refusal(413, "RequestTooLargeException"), 413, None),
        (refusal(500, "ServiceException"), 500, None),
        (refusal(502, "EC2ThrottledException"), 502, None),
        (refusal(503, "Unavailable"), 503, None),
        (refusal(403, "ExpiredTokenException"), 0, Fault.CONNECT),
    ],
)
def test_the_services_answers(
    server: LambdaServer, clients: LambdaClients, answer: Answer, status: int, fault: Fault | None
) -> None:
    server.rule = lambda _: answer
    outcome = call(clients, target(server), BODY, 5.0)
    assert (outcome.status, outcome.fault) == (status, fault)
    assert outcome.detail.startswith(answer.code)
    assert len(server.invoked) == 1, "one call is one attempt"


def test_retry_after_is_read(server: LambdaServer, clients: LambdaClients) -> None:
    server.rule = lambda _: refusal(429, "TooManyRequestsException", Retry_After="7")
    assert call(clients, target(server), BODY, 5.0).retry_after_seconds == 7.0


def test_a_function_that_does_not_answer_in_time(
    server: LambdaServer, clients: LambdaClients
) -> None:
    over = threading.Event()
    server.rule = lambda _: Answer(hold=over)
    outcome = call(clients, target(server), BODY, 0.2)
    over.set()
    assert outcome.fault is Fault.TIMEOUT


def test_nobody_there(clients: LambdaClients) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        outcome = call(clients, FunctionTarget("fn", endpoint_url=url), BODY, 5.0)
    assert outcome.fault is Fault.CONNECT


def test_no_credentials_say_so(clients: LambdaClients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    outcome = call(clients, FunctionTarget("fn", endpoint_url="http://127.0.0.1:1"), BODY, 5.0)
    assert outcome.fault is Fault.CONNECT
    assert "credentials" in outcome.detail


def test_a_name_that_no_function_can_have_is_refused(clients: LambdaClients) -> None:
    assert call(clients, FunctionTarget(""), BODY, 5.0).status == 404


def test_soketis_form_is_the_recorded_one() -> None:
    function = FunctionTarget("fn", wrapped=True, headers=(("X-Custom", "v"),))
    body = (
        b'{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"my-channel"}]}'
    )
    proof = {"X-Pusher-Key": "app-key", "X-Pusher-Signature": "fec9"}
    payload = wrapped(body, function, proof).decode()
    # As soketi 1.6.1 sent it, but for who sends it.
    recorded = (
        '{"payload":{"time_ms":1700000000000,"events":[{"name":"channel_occupied",'
        '"channel":"my-channel"}]},"headers":{"Accept":"application/json",'
        '"Content-Type":"application/json","User-Agent":"%s","X-Custom":"v",'
        '"X-Pusher-Key":"app-key","X-Pusher-Signature":"fec9"}}'
    )
    assert payload == recorded % user_agent()


def test_own_headers_replace_standard_ones_and_no_proof() -> None:
    own = (("accept", "text/plain"), ("User-Agent", "mine"))
    payload = json.loads(wrapped(BODY, FunctionTarget("f", headers=own), {"X-Pusher-Key": "k"}))
    assert payload["headers"] == {
        "Content-Type": "application/json",
        "accept": "text/plain",
        "User-Agent": "mine",
        "X-Pusher-Key": "k",
    }
