"""The live screen's view of a whole fleet, through a real Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.redis_server import RedisServer
from support.status_documents import healthy
from support.until import until

from sockq.drivers.redis import RedisDriver
from sockq.drivers.settings import NoneSettings, RedisSettings
from sockq.supervisor.fleet_source import FleetSource
from sockq.supervisor.heartbeat import heartbeat_document
from sockq.supervisor.screen_model import Model
from sockq.supervisor.status_line import LineMaker


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


async def test_each_host_is_a_reading_and_the_screen_adds_them_up(server: RedisServer) -> None:
    settings = RedisSettings(url=server.url)
    driver = RedisDriver(settings)
    await driver.open()
    for host in ("edge-1", "edge-2"):
        document = heartbeat_document({**healthy(1), "host": host}, 5.0)
        await driver.heartbeat(f"{host}/0", document, 30.0)
    await driver.close()
    source = FleetSource(settings)
    try:
        readings = source.read()
        assert [(one.host, one.age_seconds, one.error) for one in readings] == [
            ("edge-1", 0.0, ""), ("edge-2", 0.0, ""),
        ]  # fmt: skip
        picture = Model().take(readings)
        assert (picture.state, picture.wanted, len(picture.workers)) == ("RUNNING", 12, 12)
        # Both see one queue.
        assert picture.queue["ready"] == 15
        assert "workers 12/12" in LineMaker().line(readings)
        # What was shown is old from now on.
        assert all(one.age_seconds > 0.0 for one in source.read())
        server.kill()
        until(lambda: all("no Redis answers" in one.error for one in source.read()))
    finally:
        source.close()


def test_a_fleet_that_nobody_reports_to_is_down(server: RedisServer) -> None:
    source = FleetSource(RedisSettings(url=server.url))
    (reading,) = source.read()
    source.close()
    assert reading.document["state"] == "DOWN"


def test_a_queue_without_heartbeats_is_unknown() -> None:
    source = FleetSource(NoneSettings())
    (reading,) = source.read()
    source.close()
    assert reading.document["state"] == "UNKNOWN"
    assert "--url" in reading.error
