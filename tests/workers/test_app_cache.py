"""How long an app is believed, what an outage changes, and that all who ask at once ask once."""

from __future__ import annotations

import asyncio

import pytest
from support.app_bench import AGE, bench
from support.until import async_until

from sockq.drivers.errors import BackendRefused, BackendUnavailable
from sockq.workers.app_cache import (
    AGAIN_SECONDS,
    FAULTY_SECONDS,
    STALE_SECONDS,
    UNKNOWN_SECONDS,
)
from sockq.workers.app_directory import UnusableApp
from sockq.workers.apps import App


async def test_an_app_is_asked_for_once_and_then_at_hand() -> None:
    async with bench() as b:
        b.table.put("a", "one")
        assert b.secret_at_hand() is None
        assert await b.secret() == "one"
        assert b.secret_at_hand() == "one"
        b.table.put("a", "two")
        b.pass_by(AGE - 0.001)
        assert (b.secret_at_hand(), await b.secret()) == ("one", "one")
        assert b.table.asked == ["a"]


async def test_what_is_stale_is_used_while_it_is_asked_for_again() -> None:
    async with bench() as b:
        b.table.put("a", "one")
        await b.secret()
        b.table.put("a", "two")
        b.pass_by(AGE)
        assert b.secret_at_hand() is None
        b.table.go.clear()
        assert await b.secret() == "one"
        assert b.secret_at_hand() == "one", "at hand again while it is asked for"
        b.table.go.set()
        await async_until(lambda: b.secret_at_hand() == "two")
        assert b.table.asked == ["a", "a"]


async def test_what_is_old_waits_for_the_store() -> None:
    async with bench() as b:
        b.table.put("a", "one")
        await b.secret()
        b.table.put("a", "two")
        b.pass_by(2 * AGE)
        assert await b.secret() == "two"


async def test_an_app_that_was_removed_is_gone_everywhere() -> None:
    async with bench() as b:
        b.table.put("a")
        await b.secret()
        b.table.rows.clear()
        b.pass_by(AGE)
        assert await b.secret() == "s"
        await b.settled()
        assert b.secret_at_hand() is None
        assert await b.secret() is None


async def test_an_unknown_app_is_asked_for_again_soon() -> None:
    async with bench() as b:
        assert await b.secret() is None
        b.table.put("a")
        b.pass_by(UNKNOWN_SECONDS - 0.001)
        assert await b.secret() is None
        assert b.table.asked == ["a"]
        b.pass_by(0.001)
        assert await b.secret() == "s"


async def test_a_faulty_record_says_why_and_is_read_again() -> None:
    async with bench() as b:
        b.table.rows["a"] = {"fault": "a: url: no scheme"}
        for _ in range(2):
            with pytest.raises(UnusableApp, match=r"^a: url: no scheme; more$"):
                await b.secret()
        assert b.table.asked == ["a"]
        b.table.put("a")
        b.pass_by(FAULTY_SECONDS)
        assert await b.secret() == "s"


async def test_an_app_that_becomes_faulty_is_at_hand_no_more() -> None:
    async with bench() as b:
        b.table.put("a")
        await b.secret()
        b.table.rows["a"] = {"fault": "broken"}
        b.pass_by(AGE)
        await b.secret()
        await b.settled()
        assert b.secret_at_hand() is None
        with pytest.raises(UnusableApp):
            await b.secret()


async def test_the_files_apps_come_first_and_are_never_asked_for() -> None:
    async with bench(App("a", "ka", "of the file")) as b:
        b.table.put("a", "of the store")
        assert b.secret_at_hand() == "of the file"
        b.pass_by(10 * AGE)
        assert (b.secret_at_hand(), await b.secret()) == ("of the file", "of the file")
        assert b.table.asked == []


async def test_apps_by_key() -> None:
    async with bench(App("1", "file-key", "f"), by_key=True) as b:
        b.table.put("store-key")
        assert b.apps.peek("9", "file-key") is await b.apps.find("9", "file-key")
        assert b.apps.peek("9", "file-key") is not None
        found = await b.apps.find("1", "store-key")
        assert found is not None
        assert b.apps.peek("whatever", "store-key") is found
        assert b.apps.peek("store-key", "other") is None


async def test_a_thousand_at_once_ask_once() -> None:
    async with bench() as b:
        b.table.put("a")
        b.table.go.clear()
        asking = [asyncio.ensure_future(b.secret()) for _ in range(1000)]
        await async_until(lambda: b.table.asked == ["a"])
        b.table.go.set()
        assert await asyncio.gather(*asking) == ["s"] * 1000
        assert b.table.asked == ["a"]


async def test_one_that_gives_up_takes_nothing_from_the_others() -> None:
    async with bench() as b:
        b.table.put("a")
        b.table.go.clear()
        first, second = (asyncio.ensure_future(b.secret()) for _ in range(2))
        await async_until(lambda: b.table.asked)
        first.cancel()
        await asyncio.sleep(0)
        b.table.go.set()
        assert await second == "s"


async def test_an_outage_is_no_answer_and_the_store_is_left_alone_for_a_while() -> None:
    async with bench() as b:
        b.table.error = BackendUnavailable("away")
        for _ in range(3):
            with pytest.raises(BackendUnavailable, match="away"):
                await b.secret()
        assert b.table.asked == ["a"]
        assert str(b.apps.trouble) == "away"
        b.table.error = None
        b.table.put("a")
        b.clock.now += 3.0
        assert await b.secret() == "s"
        assert b.apps.trouble is None


async def test_a_known_app_outlives_an_outage_up_to_a_bound() -> None:
    async with bench() as b:
        b.table.put("a")
        await b.secret()
        b.table.error = BackendUnavailable("away")
        b.pass_by(2 * AGE)
        assert await b.secret() == "s"
        assert b.secret_at_hand() == "s", "no task for each job of an outage"
        b.pass_by(AGAIN_SECONDS)
        assert b.secret_at_hand() is None
        b.pass_by(STALE_SECONDS - AGE - AGAIN_SECONDS - 0.001)
        assert await b.secret() == "s"
        b.pass_by(0.001 + AGAIN_SECONDS)
        with pytest.raises(BackendUnavailable):
            await b.secret()


async def test_a_refusal_while_at_work_is_an_outage_too() -> None:
    async with bench() as b:
        b.table.error = BackendRefused("denied")
        with pytest.raises(BackendUnavailable, match="denied"):
            await b.secret()
        assert isinstance(b.apps.trouble, BackendRefused)


async def test_the_end_of_an_outage_is_seen_without_a_job() -> None:
    async with bench() as b:
        b.table.error = BackendUnavailable("away")
        await b.apps.open()
        assert b.apps.trouble is not None
        b.pass_by(4.0)
        await b.settled()
        assert b.apps.trouble is not None
        b.table.error = None
        b.pass_by(4.0)
        await b.settled()
        assert b.apps.trouble is None
        assert b.table.asked == []


async def test_a_store_that_refuses_from_the_start_ends_it() -> None:
    async with bench() as b:
        b.table.error = BackendRefused("wrong password")
        with pytest.raises(BackendRefused):
            await b.apps.open()


async def test_the_number_of_apps_is_bounded_and_those_in_use_stay() -> None:
    async with bench(capacity=3) as b:
        for name in "abcd":
            b.table.put(name)
        for name in "abc":
            await b.secret(name)
        await b.secret("a")
        await b.secret("d")
        assert [name for name in "abcd" if b.secret_at_hand(name)] == ["a", "c", "d"]
        assert len(b.apps._entries) == 3


async def test_warnings_are_said_once() -> None:
    async with bench() as b:
        b.table.put("a", warning="w1")
        for _ in range(3):
            await b.secret()
            b.pass_by(2 * AGE)
        assert b.warnings == ["w1"]
        b.table.put("a", warning="w2")
        await b.secret()
        assert b.warnings == ["w1", "w2"]


async def test_a_store_that_never_answers_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockq.workers.app_cache.LOOK_UP_SECONDS", 0.05)
    async with bench() as b:
        b.table.go.clear()
        with pytest.raises(BackendUnavailable, match=r"no answer in 0\.05 s"):
            await b.secret()
