"""Documents of other hosts over HTTP: fetched beside the screen, lost without harm."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from support.status_documents import healthy
from support.until import until

from sockq.supervisor.status_command import StatusOptions, complaint, show_status
from sockq.supervisor.status_sources import UrlSource, fetch


class Host:
    """A little ``/status.json``."""

    def __init__(self) -> None:
        self.body = json.dumps(healthy(3)).encode()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(host.body)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/status.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def host() -> Iterator[Host]:
    running = Host()
    yield running
    running.close()


def test_a_document_is_new_once_and_then_ages(host: Host) -> None:
    source = UrlSource([host.url])
    first, second = source.read()[0], source.read()[0]
    source.close()
    assert (first.age_seconds, first.error, first.document["state"]) == (0.0, "", "RUNNING")
    assert second.age_seconds > 0


def test_a_host_that_is_away_holds_up_nobody(host: Host) -> None:
    gone = Host()
    gone.close()
    source = UrlSource([host.url, gone.url])
    begun = time.monotonic()
    here, away = source.read()
    assert time.monotonic() - begun < 1.0, "a fetch may take two"
    source.close()
    assert here.document["state"] == "RUNNING"
    assert away.document["state"] == "UNKNOWN"
    assert "connection refused" in away.document["problems"][0]["text"]


def test_the_last_document_of_a_lost_host_stays(host: Host) -> None:
    source = UrlSource([host.url])
    source.read()
    host.body = b"<html>"
    until(lambda: source.read()[0].error, within=5)
    reading = source.read()[0]
    source.close()
    assert reading.document["state"] == "RUNNING"
    assert reading.error == "status 200, no status document"


def test_a_document_of_another_schema_is_refused(host: Host) -> None:
    host.body = json.dumps({**healthy(1), "schema": 7}).encode()
    with pytest.raises(ValueError, match="schema 7, this sockq reads 1"):
        fetch(host.url)


def test_the_exit_code_tells_hosts_that_disagree(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = Host()
    gone.close()
    assert show_status(StatusOptions(urls=[host.url], as_json=True)) == 0
    assert show_status(StatusOptions(urls=[host.url, gone.url], as_json=True)) == 1
    assert show_status(StatusOptions(urls=[gone.url])) == 3
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[0])["host"] == "edge-7"
    both = json.loads(lines[1])
    assert (both["state"], len(both["hosts"])) == ("DEGRADED", 2)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("ftp://h/status.json", "give http://HOST:9538/status.json"),
        ("h:9538", "give http://"),
        ("http://user:hush@h/", "credentials"),
        ("http://h:99999/", "it is no URL"),
    ],
)
def test_a_url_that_cannot_be_read_is_said_without_its_password(url: str, what: str) -> None:
    told = complaint(StatusOptions(urls=[url]), fleet=False)
    assert told is not None
    assert what in told
    assert "hush" not in told


def test_the_whole_fleet_and_single_hosts_are_not_asked_for_together() -> None:
    told = complaint(StatusOptions(urls=["http://h:9538"]), fleet=True)
    assert told is not None
    assert "--fleet" in told
    assert complaint(StatusOptions(), fleet=True) is None
