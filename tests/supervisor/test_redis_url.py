"""Redis URLs: composed as the server does, refused when unusable, shown without secrets."""

from __future__ import annotations

import pytest

from sockq.supervisor.redis_url import complaint_about, complaint_about_host, compose, masked, where


@pytest.mark.parametrize(
    ("host", "user", "password", "tls", "url"),
    [
        ("127.0.0.1", None, None, False, "redis://127.0.0.1:6379/0"),
        ("127.0.0.1", None, "secret", False, "redis://:secret@127.0.0.1:6379/0"),
        ("h", "admin", "pass123", False, "redis://admin:pass123@h:6379/0"),
        ("h", "admin", None, False, "redis://admin@h:6379/0"),
        ("h", None, "pass@word#1/2:3", False, "redis://:pass%40word%231%2F2%3A3@h:6379/0"),
        ("h", None, "ž~-_.", False, "redis://:%C5%BE~-_.@h:6379/0"),
        ("h", None, "", False, "redis://:@h:6379/0"),
        ("h", "us%40er", "p", False, "redis://us%40er:p@h:6379/0"),
        ("redis://h", None, None, False, "redis://h:6379/0"),
        ("rediss://h", None, None, False, "rediss://h:6379/0"),
        ("h", None, None, True, "rediss://h:6379/0"),
        ("redis://h", None, "p", True, "rediss://:p@h:6379/0"),
        ("::1", None, None, False, "redis://[::1]:6379/0"),
        ("[::1]", None, None, False, "redis://[::1]:6379/0"),
    ],
)
def test_a_url_is_composed_as_the_server_composes_it(
    host: str, user: str | None, password: str | None, tls: bool, url: str
) -> None:
    made = compose(host, 6379, 0, user, password, tls=tls)
    assert made == url
    assert complaint_about(made) is None


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://h", "does not start with redis://"),
        ("redis+sentinel://h:26379/mymaster/0", "does not start with redis://"),
        ("h:6379", "does not start with redis://"),
        ("redis://", "names no host"),
        ("redis://:pa#ss@h:6379", "percent-encode"),
        ("redis://h:port/0", "host or port"),
        ("redis://h:70000/0", "host or port"),
        ("redis://h:0/0", "port is 0"),
        ("redis://[::1/0", "host or port"),
        ("redis://h/zero", "database is not a number"),
    ],
)
def test_an_unusable_url_has_a_complaint_that_does_not_show_it(url: str, complaint: str) -> None:
    found = complaint_about(url)
    assert found is not None
    assert complaint in found
    assert "pa#ss" not in found


@pytest.mark.parametrize("host", ["h:6379", "redis://h/0", "user@h", "redis://", "a b"])
def test_a_host_is_a_host_alone(host: str) -> None:
    assert complaint_about_host(host)


@pytest.mark.parametrize("host", ["h", "10.0.0.1", "::1", "[::1]", "redis://h", "rediss://h"])
def test_a_usable_host_has_no_complaint(host: str) -> None:
    assert complaint_about_host(host) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://u:hunter2@h:1/0", "redis://u:***@h:1/0"),
        ("redis://:hunter2@h:1/0", "redis://:***@h:1/0"),
        ("rediss://h/0?password=hunter2", "rediss://h/0?***"),
        ("redis://:hun#ter2@h", "***"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_where_names_host_and_port_only() -> None:
    assert where("redis://u:hunter2@h/3") == "h:6379"
    assert where("rediss://:p@[::1]:7000/3") == "[::1]:7000"
