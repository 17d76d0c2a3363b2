"""Endpoints on the live screen: disabling and enabling them by keys, and that nobody forgets it."""

from __future__ import annotations

import pytest
from support.screen_typing import picture, type_keys
from support.status_documents import COUNT, SCENES

from sockq.supervisor.screen_detail import detail_rows, help_rows
from sockq.supervisor.screen_footer import footer
from sockq.supervisor.screen_model import Model
from sockq.supervisor.screen_picture import Reading
from sockq.supervisor.screen_rows import rows_of
from sockq.supervisor.screen_text import plain
from sockq.supervisor.screen_ui import Act, Ui
from sockq.supervisor.screen_view import Size, lines_of, view
from sockq.supervisor.status_line import LineMaker

FIRST = {"id": "app0/00000000", "app": "app0", "label": "https://hooks0.example.com/push"}


@pytest.mark.parametrize("keys", ["3jX", "3j\rX"])
def test_disabling_asks_first(keys: str) -> None:
    ui, seen = Ui(may_act=True), picture()
    act = type_keys(ui, keys + "y", seen)
    assert isinstance(act, Act)
    assert (act.command, act.arguments, act.source) == ("disable", FIRST, "/run/sockq")
    assert type_keys(Ui(may_act=True), keys + "n", seen) is None
    reads = Ui()
    assert type_keys(reads, keys, seen) is None
    assert "only reads" in reads.message


def test_an_endpoint_is_enabled_by_its_own_key() -> None:
    ui, seen = Ui(may_act=True), picture("disabled")
    act = type_keys(ui, "3jEy", seen)
    assert isinstance(act, Act)
    assert (act.command, act.arguments["id"]) == ("enable", "app4/00000004")
    assert type_keys(ui, "X", seen) is None
    assert ui.message == "it is disabled already; E enables it"
    assert type_keys(ui, "GE", seen) is None
    assert ui.message == "it is not disabled"
    assert type_keys(Ui(may_act=True), "jXy", seen) is None, "a worker is no endpoint"


def test_a_question_about_a_long_address_shows_how_to_answer() -> None:
    document = SCENES["healthy"](COUNT - 1)
    document["endpoints"][0]["label"] = "https://" + "very-long-name." * 8 + "example/x"
    seen = Model().take([Reading("/run/sockq", document)])
    ui = Ui(may_act=True)
    type_keys(ui, "3jX", seen)
    for width in (60, 80):
        assert "? type y" in plain(footer(ui, width, 0.0))[:width]


def test_the_row_of_many_endpoints_is_none_to_act_on() -> None:
    document = SCENES["healthy"](COUNT - 1)
    document["endpoints"] = [{**document["endpoints"][0], "id": "other", "app": ""}]
    ui = Ui(may_act=True)
    assert type_keys(ui, "3jX", Model().take([Reading("/run/sockq", document)])) is None
    assert "many endpoints" in ui.message


@pytest.mark.parametrize("keys", ["3", "3j\r"])
def test_the_bar_shows_the_keys_for_endpoints_where_they_act(keys: str) -> None:
    for may_act in (True, False):
        ui = Ui(may_act=may_act)
        type_keys(ui, keys, picture("disabled"))
        bar = plain(footer(ui, 80, 200.0))
        assert ("X disable  E enable" in bar) is may_act
        assert "q quit" in bar


def test_help_lists_them_where_they_act() -> None:
    for may_act in (True, False):
        text = "\n".join(plain(row) for row in help_rows(Ui(may_act=may_act)))
        assert ("disable the selected endpoint" in text) is may_act
        assert ("enable it again (asks)" in text) is may_act


def test_how_many_are_disabled_is_seen_in_every_view_of_every_size() -> None:
    seen = picture("disabled")
    for size in (Size(60, 15), Size(80, 24), Size(120, 40)):
        for index in range(6):
            assert "RUNNING  2 disabled " in lines_of(view(seen, Ui(view=index), size, 0.0))[0]
    several = Model().take([Reading(name, SCENES["disabled"](COUNT - 1)) for name in ("a", "b")])
    assert several.disabled == 4
    lost = Model().take([Reading("a", SCENES["disabled"](COUNT - 1), age_seconds=99.0)])
    assert lost.disabled == 0
    assert " disabled" not in lines_of(view(picture("healthy"), Ui(), Size(80, 24), 0.0))[0]


def test_the_disabled_stand_before_the_closed_and_count_as_something_to_look_at() -> None:
    seen = picture("disabled")
    states = [one["state"] for one in rows_of(seen, Ui(), "endpoints").items]
    assert states == ["disabled"] * 2 + ["closed"] * 5
    assert len(rows_of(seen, Ui(faults_only=True), "endpoints").items) == 2


def test_the_detail_says_who_it_was() -> None:
    ui, seen = Ui(), picture("disabled")
    type_keys(ui, "3j\r", seen)
    rows = [plain(row).split(None, 2) for row in detail_rows(seen, ui, 100)]
    assert ["disabled", "by", "ops, pid 77"] in rows


def test_a_watched_line_tells_of_them() -> None:
    line = LineMaker().line([Reading("x", SCENES["disabled"](1))])
    assert line.endswith("workers 2/2  disabled endpoints 2")
    assert "disabled" not in LineMaker().line([Reading("x", SCENES["healthy"](1))])
