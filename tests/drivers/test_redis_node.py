"""Connections to one server: kept, replaced when they break, never with an answer of another."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from support.redis_server import RedisServer
from support.until import async_until

from sockq.drivers.redis_node import Node


def node(server: RedisServer, timeout_seconds: float = 5.0) -> tuple[Node, list[Connection]]:
    """Return a client, and the list of the connections that it makes."""
    made: list[Connection] = []

    def make() -> Connection:
        made.append(Connection(port=server.port, socket_timeout=None, protocol=2))
        return made[-1]

    return Node(make, timeout_seconds), made


async def test_commands_one_after_the_other_share_a_connection(redis_server: RedisServer) -> None:
    client, made = node(redis_server)
    for n in range(5):
        assert await client.execute_command("ECHO", f"{n}") == b"%d" % n
    with pytest.raises(ResponseError, match="unknown command"):
        await client.execute_command("NO-SUCH-COMMAND")
    async with client.client() as one:
        assert [await one.execute_command("ECHO", n) for n in (1, 2.5)] == [b"1", b"2.5"]
    assert len(made) == 1
    await client.aclose()


async def test_commands_at_a_time_have_connections_of_their_own(redis_server: RedisServer) -> None:
    client, made = node(redis_server)
    for _ in range(2):
        answers = await asyncio.gather(*(client.execute_command("ECHO", f"{n}") for n in range(8)))
        assert answers == [b"%d" % n for n in range(8)]
    assert len(made) == 8
    await client.aclose()


async def test_commands_in_one_turn_run_one_after_the_other(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    client, made = node(redis_server)
    answers = await client.execute_commands(
        ("BLPOP", redis_prefix, "0.01"), ("RPUSH", redis_prefix, "a"), ("LPOP", redis_prefix)
    )
    assert answers == [None, 1, b"a"]
    for refused in (("NO-SUCH",), ("ECHO",)):
        with pytest.raises(ResponseError, match=r"unknown command|wrong number"):
            await client.execute_commands(refused, ("SET", redis_prefix, refused[0]))
        assert await client.execute_command("GET", redis_prefix) == refused[0].encode()
    assert len(made) == 1
    await client.aclose()


async def test_a_cancelled_command_leaves_its_answer_to_nobody(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    client, _ = node(redis_server)
    for turns in range(12):  # cancelled at different moments, connecting among them
        command = asyncio.create_task(client.execute_command("BLPOP", redis_prefix, "0.05"))
        for _ in range(turns):
            await asyncio.sleep(0)
        command.cancel()
        with pytest.raises(asyncio.CancelledError):
            await command
        assert await client.execute_command("ECHO", f"{turns}") == b"%d" % turns
    await client.aclose()


async def test_an_answer_that_is_late_belongs_to_nobody(
    redis_server: RedisServer, redis_prefix: str
) -> None:
    client, _ = node(redis_server, 0.05)
    with pytest.raises(RedisTimeoutError, match="no answer in time"):
        await client.execute_command("BLPOP", redis_prefix, "0.1")
    assert await client.execute_command("ECHO", "x") == b"x"
    await client.aclose()


async def test_a_connection_that_broke_while_idle_is_replaced_unseen(
    redis_server: RedisServer,
) -> None:
    client, _ = node(redis_server)
    other, _ = node(redis_server)
    number = await client.execute_command("CLIENT", "ID")
    assert await other.execute_command("CLIENT", "KILL", "ID", number) == 1

    async def heard() -> bool:
        wire = client._idle[0].wire
        return wire is not None and not wire.is_usable

    await async_until(heard)
    assert await client.execute_command("CLIENT", "ID") > number
    await client.aclose()
    await other.aclose()


async def test_closing_ends_what_is_under_way(redis_server: RedisServer, redis_prefix: str) -> None:
    client, made = node(redis_server)
    command = asyncio.create_task(client.execute_command("BLPOP", redis_prefix, "4"))
    await async_until(lambda: made and made[0].is_connected)
    await client.aclose()
    with pytest.raises((RedisConnectionError, AttributeError, OSError)):
        await asyncio.wait_for(command, 2.0)
    with pytest.raises(RedisConnectionError, match="closed"):
        await client.execute_command("PING")
    assert not made[0].is_connected
