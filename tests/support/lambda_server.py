"""Answers Invoke as AWS Lambda does, by rules of a test, and records what came."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote


@dataclass(frozen=True)
class Invoked:
    """One request."""

    function: str
    kind: str
    payload: bytes
    region: str
    access_key_id: str
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What it says: an error's code goes where AWS puts it."""

    status: int = 202
    payload: bytes = b""
    code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    hold: threading.Event | None = None


def failed_function(message: str = "boom") -> Answer:
    """A function that was waited for and raised."""
    payload = json.dumps({"errorMessage": message, "errorType": "ValueError"}).encode()
    return Answer(200, payload, headers=(("X-Amz-Function-Error", "Unhandled"),))


def refusal(status: int, code: str, **headers: str) -> Answer:
    """An error of the service."""
    payload = json.dumps({"Type": "User", "Message": f"about {code}"}).encode()
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, payload, code, told)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class LambdaServer:
    """``with LambdaServer() as server: … server.url … server.invoked``.

    Attributes:
        rule: From an invocation to its answer; by default 202, or 200 when it is waited for.
    """

    def __init__(self) -> None:
        self.invoked: list[Invoked] = []
        self.rule: Callable[[Invoked], Answer] = _accept
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                owner._take(self)

            def log_message(self, *_: object) -> None: ...

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def to(self, function: str) -> list[Invoked]:
        """What one function was given."""
        return [one for one in self.invoked if one.function == function]

    def _take(self, request: Any) -> None:
        payload = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        prefix, suffix = "/2015-03-31/functions/", "/invocations"
        assert request.path.startswith(prefix), request.path
        assert request.path.endswith(suffix), request.path
        credential = request.headers["Authorization"].split("Credential=")[1].split(",")[0]
        access_key_id, _, region, *_ = credential.split("/")
        invoked = Invoked(
            function=unquote(request.path[len(prefix) : -len(suffix)]),
            kind=request.headers["X-Amz-Invocation-Type"],
            payload=payload,
            region=region,
            access_key_id=access_key_id,
            headers=dict(request.headers),
        )
        self.invoked.append(invoked)
        answer = self.rule(invoked)
        if answer.hold is not None:
            answer.hold.wait(30)
        request.send_response(answer.status)
        request.send_header("Content-Length", str(len(answer.payload)))
        request.send_header("x-amzn-RequestId", "id")
        if answer.code:
            request.send_header("x-amzn-ErrorType", answer.code)
        for name, value in answer.headers:
            request.send_header(name, value)
        with suppress(OSError):  # who asked may have gone
            request.end_headers()
            request.wfile.write(answer.payload)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _accept(invoked: Invoked) -> Answer:
    return Answer(202) if invoked.kind == "Event" else Answer(200, b'"ok"')
