"""Which endpoint is meant by what an operator types."""

from __future__ import annotations

import pytest

from sockq.supervisor.endpoint_choice import Chosen, NoChoiceError, choose
from sockq.supervisor.endpoint_view import told
from sockq.workers.endpoint import make_endpoint
from sockq.workers.endpoint_stats import OTHER, EndpointRow, row_id


def row(app: str, url: str, state: str = "closed") -> dict[str, object]:
    endpoint = make_endpoint(url, {})
    return told(EndpointRow(row_id(app, endpoint.url_key), app, endpoint.label, state))


ACME = row("app1", "https://api.acme.io/hooks?token=one")
ACME_2 = row("app1", "https://api.acme.io/hooks?token=two")
PUSH = row("app1", "https://push.acme.io/w")
SHARED = row("app2", "https://push.acme.io/w")
SHUT = row("app2", "http://10.0.0.7:81/", "disabled")
FUNCTION = told(EndpointRow("app3/0badf00d", "app3", "lambda deliver"))
ROWS = [ACME, ACME_2, PUSH, SHARED, SHUT, FUNCTION, told(EndpointRow(OTHER, "", "other endpoints"))]


@pytest.mark.parametrize(
    ("text", "app", "wanted"),
    [
        ("10.0.0.7", None, SHUT),
        (":81", None, SHUT),
        ("http://10.0.0.7:81/", None, SHUT),
        ("HTTP://10.0.0.7:81", None, SHUT),
        ("app2 10.0.0.7:81/", None, SHUT),
        ("deliver", None, FUNCTION),
        ("lambda deliver", None, FUNCTION),
        ("push", "app1", PUSH),
        ("https://push.acme.io/w", "app2", SHARED),
        ("app2 https://push.acme.io/w", None, SHARED),
        ("https://api.acme.io/hooks?token=one", None, ACME),
        ("https://user:pw@api.acme.io/hooks?token=two#x", None, ACME_2),
        (str(ACME_2["id"]), None, ACME_2),
        (str(PUSH["id"])[-6:], "app1", PUSH),
    ],
)
def test_what_fits_one_is_that_one(text: str, app: str | None, wanted: dict[str, object]) -> None:
    chosen = choose(ROWS, text, app, disabled=False)
    assert chosen == Chosen(str(wanted["id"]), str(wanted["app"]), str(wanted["label"]))


@pytest.mark.parametrize(
    ("text", "app", "named"),
    [
        ("https://push.acme.io/w", None, (PUSH, SHARED)),
        ("push.acme.io", None, (PUSH, SHARED)),
        ("acme", "app1", (ACME, ACME_2, PUSH)),
        ("https://api.acme.io/hooks?…", None, (ACME, ACME_2)),
        ("https://api.acme.io/hooks", None, (ACME, ACME_2)),
        ("nowhere", None, (ACME, PUSH, SHARED, SHUT, FUNCTION)),
        ("https://new.example/", None, (ACME, PUSH, SHARED, SHUT, FUNCTION)),
        ("10.0.0.7", "app1", (ACME, ACME_2, PUSH)),
        ("other endpoints", None, (ACME,)),
    ],
)
def test_what_fits_none_or_several_is_refused_with_the_candidates(
    text: str, app: str | None, named: tuple[dict[str, object], ...]
) -> None:
    with pytest.raises(NoChoiceError) as refused:
        choose(ROWS, text, app, disabled=False)
    line = str(refused.value)
    assert "\n" not in line
    assert "token=" not in line.replace(text, "")
    assert all(f"{one['id']} ({one['label']})" in line for one in named)


def test_many_candidates_are_not_all_named() -> None:
    rows = [row("a", f"https://host-{number}.example/") for number in range(300)]
    with pytest.raises(NoChoiceError, match=r"fits 300 endpoints; .*, and 292 more$|and 292 more"):
        choose(rows, "host", None, disabled=False)
    with pytest.raises(NoChoiceError, match="the fleet has met none yet"):
        choose([], "host", None, disabled=False)


def test_one_that_no_worker_has_met_takes_the_whole_url_and_its_app() -> None:
    url = "https://user:pw@new.example/hooks/w?token=secret"
    chosen = choose(ROWS, url, "app9", disabled=False)
    wanted = row("app9", url)
    assert chosen == Chosen(str(wanted["id"]), "app9", "https://new.example/hooks/w?…", met=False)
    # With an app a URL is a whole one: the beginning of another's names that other nowhere.
    assert not choose(ROWS, "https://push.acme.io/", "app1", disabled=False).met


def test_enabling_means_one_that_is_disabled() -> None:
    shut = {**PUSH, "state": "disabled"}
    rows = [ACME, shut, SHARED, SHUT]
    assert choose(rows, "push", None, disabled=True).app == "app1"
    assert choose(rows, "acme", None, disabled=True).id == PUSH["id"]
    assert choose(rows, "api", None, disabled=True).id == ACME["id"], "to be told that it was not"
    with pytest.raises(NoChoiceError, match="fits 2 endpoints"):
        choose([shut, SHUT, {**SHARED, "state": "disabled"}], "push", None, disabled=True)
