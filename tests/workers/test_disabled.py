"""Endpoints that the operator has disabled: their list, and what the senders make of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest
from support.engine_fixtures import DIRECT
from support.posts import Post, send
from support.raw_server import OK, RawServer, answering, answering_after
from support.until import async_until

from sockq.workers.board_memory import Board
from sockq.workers.disabled import MOST_BYTES, Disabled, decode, encode
from sockq.workers.orders import Orders
from sockq.workers.senders import Senders
from sockq.workers.settings import EngineSettings

ONE = Disabled("app/0000000a", "app", "https://hooks.example/…", 1_700_000_000_000, "ops, pid 7")
TWO = Disabled('"Ä/0000000b', '"Ä', "http://[::1]:81/", 0, "")


def test_a_list_is_read_as_it_was_written() -> None:
    for endpoints in ((), (ONE,), (TWO, ONE)):
        assert decode(encode(endpoints)) == endpoints


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expecting value"),
        ("{}", "no list"),
        ("[3]", "entry 1 is no object"),
        ("[" * 100_000, "no list"),
        (encode([ONE])[:40].decode(), "line 1"),
        ('[{"id": "a/1", "app": "a", "label": "l", "since_ms": "1", "by": ""}]', "since_ms"),
        ('[{"id": "a/1", "app": "a", "label": "l", "since_ms": true, "by": ""}]', "since_ms"),
        ('[{"id": "a/1", "app": "a", "label": "l", "since_ms": -1, "by": ""}]', "since_ms"),
        ('[{"id": "a/1", "app": "a", "label": "l", "since_ms": 1e3, "by": ""}]', "since_ms"),
        ('[{"id": "a/1", "app": null, "label": "l", "since_ms": 1, "by": ""}]', "entry 1 has no"),
    ],
)
def test_what_is_no_list_is_told_in_one_line(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as error:
        decode(text.encode())
    assert "\n" not in str(error.value)


def test_readers_see_each_change_and_keep_what_they_read_until_then() -> None:
    board = Board.create(slots=1)
    writer, reader = board.disabled, board.disabled
    assert reader.read() == ()
    for endpoints in ((ONE,), (ONE, TWO), (), (TWO,)):
        writer.write(endpoints)
        assert reader.read() == endpoints
        assert reader.read() is reader.read()
        assert board.disabled.read() == endpoints


def test_what_has_no_room_changes_nothing() -> None:
    board = Board.create(slots=1)
    board.disabled.write([ONE])
    many = [ONE] * (MOST_BYTES // len(encode([ONE])) + 2)
    with pytest.raises(ValueError, match="no room for"):
        board.disabled.write(many)
    assert board.disabled.read() == (ONE,)


class Named(Post):
    """A request to an endpoint that an operator may disable."""

    @property
    def endpoint_id(self) -> str:
        return ONE.id


@pytest.fixture
async def senders() -> AsyncIterator[Senders]:
    made = Senders(EngineSettings(), asyncio.get_running_loop(), proxies=DIRECT)
    yield made
    await made.close()


async def test_what_runs_ends_and_nothing_begins_until_it_is_enabled(senders: Senders) -> None:
    release = threading.Event()
    with RawServer(answering_after(release, OK)) as server, RawServer(answering(OK)) as other:
        posts = [Named(server.url, lane="sick") for _ in range(20)]
        for post in posts:
            senders.submit(post)
        await async_until(lambda: senders.in_flight == 16)
        senders.obey({ONE.id: time.monotonic()})
        late = Named(server.url, lane="sick alone")
        senders.submit(late)
        ends = [await post.end() for post in (*posts[16:], late)]
        assert all(end.disabled and 5.0 <= end.parked_seconds <= 8.5 for end in ends)
        assert (await send(senders, Post(other.url))).delivered
        release.set()
        assert all([(await post.end()).delivered for post in posts[:16]])
        assert (await send(senders, Named(server.url, lane="sick"))).disabled
        assert len(server.requests) == 16
        senders.obey({})
        assert senders.lanes["sick"].limit == 1
        assert (await send(senders, Named(server.url, lane="sick"))).delivered
        assert len(server.requests) == 17


async def test_orders_are_passed_on_once_and_from_the_start(senders: Senders) -> None:
    listed = Board.create(slots=1).disabled
    age_ms = 20_000
    listed.write([Disabled(ONE.id, "app", "l", time.time_ns() // 1_000_000 - age_ms, "")])
    orders = Orders(listed, senders)
    with RawServer(answering(OK)) as server:
        parked = await send(senders, Named(server.url))
        assert 19.5 <= parked.parked_seconds <= 32.0, "as long as it is disabled, and a spread"
        told: list[object] = []
        senders.obey = told.append  # type: ignore[method-assign,assignment]
        orders.look()
        assert told == []
        listed.write([])
        orders.look()
        orders.look()
        assert told == [{}]
