"""Every script of the package is headed as it must be, and runs on servers of both kinds."""

from __future__ import annotations

import asyncio
from importlib.resources import files

import pytest
from support.redis_server import RedisServer

from sockq.drivers.errors import BackendRefused
from sockq.drivers.lua_scripts import LuaScripts, Script, load
from sockq.drivers.redis_client import connect
from sockq.drivers.settings import RedisSettings

NAMES = sorted(
    entry.name.removesuffix(".lua")
    for entry in files("sockq.drivers").joinpath("lua").iterdir()
    if entry.name.endswith(".lua")
)


@pytest.fixture(params=["redis_server", "redis_6"])
def server(request: pytest.FixtureRequest) -> RedisServer:
    server: RedisServer = request.getfixturevalue(request.param)
    return server


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_headed_and_told(name: str) -> None:
    script = load(name)
    shebang, comment = script.text.splitlines()[:2]
    assert shebang.startswith("#!lua")
    assert comment.startswith("-- ")
    assert "#!" not in script.legacy_text
    assert "@include" not in script.text


def test_a_script_without_a_head_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x\.lua must start with #!lua"):
        Script("x", "return 1")


async def test_a_script_is_loaded_when_it_is_missing_and_after_a_flush(server: RedisServer) -> None:
    client = connect(RedisSettings(server.url))
    scripts = LuaScripts(client)
    # Reads the clock, then writes: refused by old servers without effects replication.
    script = Script(
        "clock",
        "#!lua\nredis.call('SET', KEYS[1], redis.call('TIME')[1])\n"
        "return redis.call('GET', KEYS[1])",
    )
    for _ in range(2):
        assert int(await scripts.run(script, ["clock"], [])) > 1_700_000_000
        assert int(await scripts.run(script, ["clock"], [])) > 1_700_000_000
        await client.command("SCRIPT", "FLUSH")
    await client.close()


async def test_first_runs_at_the_same_time_all_succeed(server: RedisServer) -> None:
    client = connect(RedisSettings(server.url))
    scripts = LuaScripts(client)
    script = Script("together", "#!lua\n-- run by many\nreturn 7")
    await client.command("SCRIPT", "FLUSH")
    assert await asyncio.gather(*(scripts.run(script, [], []) for _ in range(8))) == [7] * 8
    await client.close()


async def test_an_error_in_a_script_is_one_line_of_ours(server: RedisServer) -> None:
    client = connect(RedisSettings(server.url))
    scripts = LuaScripts(client)
    for text in ("#!lua\nreturn nil .. nil", "#!lua\nreturn ("):
        with pytest.raises(BackendRefused, match=r"^Redis at 127.0.0.1:\d+ refuses: ") as caught:
            await scripts.run(Script("broken", text), [], [])
        assert "\n" not in str(caught.value)
    assert await scripts.run(Script("good", "#!lua\nreturn 7"), [], []) == 7
    await client.close()
