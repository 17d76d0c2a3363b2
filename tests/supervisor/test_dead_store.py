"""Dead letters of several queues, read page by page, and what is asked of the apps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest
from support.jobs import app, job
from support.letters import NOW_MS

from sockq.drivers.errors import BackendUnavailable
from sockq.drivers.source import DeadLetter, DeadPage, Source
from sockq.supervisor.dead_select import Selection
from sockq.supervisor.dead_store import PAGE, AppsAway, DeadStore
from sockq.workers.app_directory import AppDirectory, FileApps, UnusableApp
from sockq.workers.app_shapes import read_app
from sockq.workers.apps import App, WebhookDefaults


@dataclass
class FakeSource:
    """Hands out pages as they are; remembers how large they were asked for."""

    name: str
    letters: list[DeadLetter]
    dialect: str = "sockudo"
    asked: list[int] = field(default_factory=list)

    async def dead_letters(self, cursor: str | None, limit: int) -> DeadPage:
        self.asked.append(limit)
        first = int(cursor or 0)
        more = first + limit < len(self.letters)
        return DeadPage(self.letters[first : first + limit], str(first + limit) if more else None)


class AwayApps(AppDirectory):
    """A store that cannot be asked, or says that a record is faulty."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.asked = 0

    def peek(self, app_id: str, app_key: str = "") -> App | None:
        raise NotImplementedError

    async def find(self, app_id: str, app_key: str = "") -> App | None:  # noqa: ARG002 - its form
        self.asked += 1
        raise self._error


def letters(count: int, payload: bytes = b"", first_ms: int = 1) -> list[DeadLetter]:
    return [
        DeadLetter(f"id-{n}", payload or job(f"c{n}"), "gone", NOW_MS + first_ms + n, 1)
        for n in range(count)
    ]


def store(
    *sources: FakeSource, apps: AppDirectory | None = None, selection: Selection | None = None
) -> DeadStore:
    return DeadStore(
        cast("list[Source]", list(sources)), apps or FileApps([]), selection or Selection()
    )


def known() -> App:
    found, faults, _ = read_app(app(1, "https://a.example.com/"), WebhookDefaults(), "apps[0]")
    assert found is not None, faults
    return found


async def test_letters_are_counted_a_page_at_a_time() -> None:
    one, other = FakeSource("one", letters(2 * PAGE + 1)), FakeSource("other", letters(3))
    counts = await store(one, other).count()
    assert counts.total == 2 * PAGE + 4
    assert dict(counts.sources) == {"one": 2 * PAGE + 1, "other": 3}
    assert counts.latest_ms == {"one": NOW_MS + 2 * PAGE + 1, "other": NOW_MS + 3}
    assert one.asked == [PAGE] * 3


async def test_a_secret_is_put_back_where_the_app_is_known() -> None:
    kept = job("c").replace(b'"app-secret"', b"null")
    source = FakeSource("one", [*letters(1, kept), *letters(1, b"nonsense"), *letters(1)])
    here = store(source, apps=FileApps([known()]))
    (page,) = [page async for page in here.pages(cast("Source", source))]
    assert await here.whole(page) == {"id-0": kept.replace(b"null", b'"app-secret"')}
    assert await store(source).whole(page) == {}, "nobody knows the app"


async def test_an_app_store_that_is_away_stops_only_who_asks_for_endpoints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = AwayApps(BackendUnavailable("MySQL at h:1: connection refused"))
    source = FakeSource("one", letters(3, job("c").replace(b'"app-secret"', b"null")))
    with pytest.raises(AppsAway, match="--app, --reason or id"):
        await store(source, apps=away, selection=Selection(endpoint="a.example")).count()
    here = store(source, apps=away)
    assert (await here.count()).total == 3
    away.asked = 0
    (page,) = [page async for page in here.pages(cast("Source", source))]
    assert await here.whole(page) == {}
    assert away.asked == 1, "not for each letter"
    assert "connection refused" in capsys.readouterr().err


async def test_a_faulty_record_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    faulty = AwayApps(UnusableApp("its URL is none"))
    source = FakeSource("one", letters(3))
    here = store(source, apps=faulty, selection=Selection(endpoint="a.example"))
    assert (await here.count()).total == 0
    assert capsys.readouterr().err == "sockq: warning: app app-id: its URL is none\n"
