"""What a configured URL and its headers become on the wire, and what is refused."""

from __future__ import annotations

import pytest

from sockq.workers.endpoint import make_endpoint


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "host_header", "target"),
    [
        ("http://h", "http", "h", 80, "h", "/"),
        ("https://h", "https", "h", 443, "h", "/"),
        ("HTTP://LOCALHOST:80/", "http", "localhost", 80, "localhost", "/"),
        ("https://h:8443/x", "https", "h", 8443, "h:8443", "/x"),
        ("http://h:443/", "http", "h", 443, "h:443", "/"),
        ("http://h/ž/a b/../c?x=ž&y=a b#frag", "http", "h", 80, "h", "/%C5%BE/c?x=%C5%BE&y=a%20b"),
        ("http://h/%7euser", "http", "h", 80, "h", "/%7euser"),
        ("http://h/a//b/./c", "http", "h", 80, "h", "/a//b/c"),
        ("http://h?", "http", "h", 80, "h", "/?"),
        ("http://h?q=1#f", "http", "h", 80, "h", "/?q=1"),
        ("  http://h/x ", "http", "h", 80, "h", "/x"),
        ("http://[::1]:8080/x", "http", "::1", 8080, "[::1]:8080", "/x"),
        ("http://[2001:DB8::0:1]/", "http", "2001:db8::1", 80, "[2001:db8::1]", "/"),
        ("http://bücher.de/", "http", "xn--bcher-kva.de", 80, "xn--bcher-kva.de", "/"),
        ("http://0x7f000001/", "http", "127.0.0.1", 80, "127.0.0.1", "/"),
        ("http://127.0.0.1\\@other/", "http", "127.0.0.1", 80, "127.0.0.1", "/@other/"),
    ],
)
def test_url_is_read_by_the_servers_rules(
    *, url: str, scheme: str, host: str, port: int, host_header: str, target: str
) -> None:
    endpoint = make_endpoint(url, {})
    assert (endpoint.scheme, endpoint.host, endpoint.port) == (scheme, host, port)
    assert endpoint.host_header == host_header
    assert endpoint.target == target
    head = f"POST {target} HTTP/1.1\r\nHost: {host_header}\r\n".encode()
    assert endpoint.static_head.startswith(head)


def test_static_head_is_the_whole_unchanging_part() -> None:
    head = make_endpoint("http://h:81/x?y=1", {"X-Custom": "a", "x-two": "b c"}).static_head
    first, agent, rest = head.partition(b"User-Agent: sockq/")
    assert first == (
        b"POST /x?y=1 HTTP/1.1\r\nHost: h:81\r\nContent-Type: application/json\r\nAccept: */*\r\n"
    )
    assert agent
    assert rest.partition(b"\r\n")[2] == b"X-Custom: a\r\nx-two: b c\r\n"


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("https://user:p%40ss@h/x", b"Authorization: Basic dXNlcjpwQHNz\r\n"),
        ("https://user@h/x", b"Authorization: Basic dXNlcjo=\r\n"),
        ("https://:pass@h/x", b"Authorization: Basic OnBhc3M=\r\n"),
    ],
)
def test_userinfo_becomes_basic_authorization_and_is_never_shown(url: str, line: bytes) -> None:
    endpoint = make_endpoint(url, {})
    assert endpoint.static_head.count(line) == 1
    assert b"@" not in endpoint.static_head
    for shown in (endpoint.label, repr(endpoint), str(endpoint), endpoint.url_key):
        assert "ss" not in shown.removeprefix("https")
        assert "user" not in shown
        assert "Basic" not in shown


def test_custom_headers_may_replace_the_replaceable_ones() -> None:
    given = {"authorization": "Bearer t", "USER-AGENT": "me", "Accept": "text/plain"}
    head = make_endpoint("https://user:pw@h/", given).static_head.lower()
    for name, value in ((b"authorization", b"bearer t"), (b"user-agent", b"me")):
        assert head.count(name + b":") == 1
        assert name + b": " + value in head
    assert head.count(b"accept:") == 1


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("http://h", "http://h/"),
        ("https://h:8443/a/b?token=secret", "https://h:8443/a/b?…"),
        ("http://[::1]:81/x", "http://[::1]:81/x"),
        ("http://h/0123456789012345678901/x", "http://h/012345…/x"),
        ("http://h/01234567890123456789/x", "http://h/01234567890123456789/x"),
    ],
)
def test_label_is_safe_to_show(url: str, label: str) -> None:
    assert make_endpoint(url, {}).label == label


def test_label_is_bounded() -> None:
    assert len(make_endpoint("http://h/" + "a/" * 500, {}).label) == 160


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "no scheme"),
        ("h/x", "no scheme"),
        ("//h/x", "no scheme"),
        ("ftp://h/", "scheme is 'ftp'"),
        ("mailto:a@b", "scheme is 'mailto'"),
        ("http://", "no host"),
        ("http://user:hidden@:80/", "no host"),
        ("http://h:99999/", "port"),
        ("http://h:hidden/", "port"),
        ("http://h:0/", "port"),
        ("http://a b/hidden", "host is not a legal"),
        ("http://[::1/hidden", "host is not a legal"),
        ("http://\ud800/hidden", "host is not a legal"),
    ],
)
def test_unusable_urls_are_refused_with_one_line_that_shows_nothing(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        make_endpoint(url, {})
    text = str(caught.value)
    assert "\n" not in text
    assert "hidden" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "hidden"),
        ("X Y", "hidden"),
        ("X:Y", "hidden"),
        ("X\r\nY", "hidden"),
        ("Ž", "hidden"),
        ("X-A", "hidden\r\nX-B: 1"),
        ("X-A", "hidden\r\n folded"),
        ("X-A", "hidden\x00"),
        ("X-A", "hidden\x7f"),
        ("X-A", "hidden ž"),
        ("X-A", "hidden" * 1000),
    ],
)
def test_illegal_headers_are_refused_by_name_only(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="custom header") as caught:
        make_endpoint("http://h/", {name: value})
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_many_headers_are_refused() -> None:
    with pytest.raises(ValueError, match="33 custom headers"):
        make_endpoint("http://h/", {f"X-{n}": "v" for n in range(33)})
