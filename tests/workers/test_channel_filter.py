from __future__ import annotations

import pytest

from sockq.workers.channel_filter import (
    ChannelFilter,
    ChannelPattern,
    PatternUnsureError,
    namespace_of,
)
from sockq.workers.rust_pattern import Verdict, examine


@pytest.mark.parametrize(
    ("channel", "namespace"),
    [
        ("chat:1", "chat"),
        ("presence-chat:1", "chat"),
        ("private-chat:1:2", "chat"),
        ("private-encrypted-chat:1", "chat"),
        ("private-encrypted-cache-chat:1", "chat"),
        ("private-cache-chat:1", "chat"),
        ("presence-cache-chat:1", "chat"),
        ("cache-chat:1", "chat"),
        ("presence-private-chat:1", "private-chat"),
        ("cache-private-chat:1", "private-chat"),
        ("private-:1", None),
        (":1", None),
        ("chat", None),
        ("", None),
        ("public-chat:1", "public-chat"),
        ("Private-chat:1", "Private-chat"),
    ],
)
def test_namespaces(channel: str, namespace: str | None) -> None:
    assert namespace_of(channel) == namespace


@pytest.mark.parametrize(
    ("conditions", "channel", "wanted"),
    [
        ({}, "", True),
        ({"prefix": "a"}, "ab", True),
        ({"prefix": "a"}, "ba", False),
        ({"prefix": ""}, "", True),
        ({"suffix": "b"}, "ab", True),
        ({"suffix": "b"}, "ba", False),
        ({"prefix": "ab", "suffix": "bc"}, "abc", True),
        ({"prefix": "a", "suffix": "c"}, "ab", False),
        ({"namespace": "chat"}, "presence-chat:1", True),
        ({"namespace": "chat"}, "chats:1", False),
        ({"namespace": ""}, "chat", False),
        ({"namespaces": frozenset()}, "chat:1", False),
        ({"namespaces": frozenset()}, "chat", False),
        ({"namespaces": frozenset({"a", "b"})}, "b:1", True),
        ({"namespaces": frozenset({"a", "b"})}, "c:1", False),
        ({"namespace": "a", "namespaces": frozenset({"b"})}, "a:1", False),
        ({"namespace": "a", "namespaces": frozenset({"a"}), "prefix": "x"}, "a:1", False),
        ({"pattern": ChannelPattern("b")}, "abc", True),
        ({"pattern": ChannelPattern("^b")}, "abc", False),
        ({"pattern": ChannelPattern("")}, "", True),
        ({"pattern": ChannelPattern("(?=x)")}, "x", False),
        ({"pattern": ChannelPattern("a"), "suffix": "c"}, "ab", False),
    ],
)
def test_all_conditions_must_hold(
    conditions: dict[str, object], channel: str, *, wanted: bool
) -> None:
    assert ChannelFilter(**conditions).matches(channel) is wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "channel", "found"),
    [
        ("^orders-\\d+$", "orders-1", True),
        ("^orders-\\d+$", "orders-1\n", False),
        ("^orders-\\d+$", "orders-2-vip", False),
        ("\\Aa\\z", "a", True),
        ("(?i)ORDERS", "my-orders", True),
        ("(?s)a.b", "a\nb", True),
        ("a.b", "a\nb", False),
        ("(?m)^b$", "a\nb", True),
        ("[[:digit:]]&&", "1&&", True),
        ("[[:digit:]]&&", "1", False),
        ("[[:alpha:]_-]+", "-", True),
        ("[]a]", "]", True),
        ("[^]a]", "]", False),
        ("[a-]", "-", True),
        ("(?P<n>a)|(?<m>b)", "b", True),
        ("\\x41\\x{42}", "AB", True),
        ("\\p{L}\\pN\\P{L}", "a11", True),
        ("a{2}b{1,}c{1,2}d?", "aabc", True),
        ("a{2}?b+?c*?", "aab", True),
        ("}", "}", True),
        ("]", "]", True),
        ("^*a", "a", True),
        ("a||b", "", True),
        ("()", "", True),
        ("\\-\\&\\~\\#\\/\\@", "-&~#/@", True),
        ("[\\d\\w-]", "-", True),
        ("(?-i)a", "A", False),
        ("(?U)a+", "a", True),
        ("\\bchat\\b", "my-chat:1", True),
        ("ž", "ž", True),
    ],
)
def test_patterns_that_both_read_alike(pattern: str, channel: str, *, found: bool) -> None:
    made = ChannelPattern(pattern)
    assert made.warning is None
    assert made.matches(channel) is found
    assert made.matches(channel) is found  # once more, from what is remembered


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=x)",
        "(?!x)",
        "(?<=x)",
        "(?<!x)",
        "(?<=a>b)",
        "(?>x)",
        "(?#x)",
        "(?P=n)",
        "(a)\\1",
        "\\0",
        "\\07",
        "(",
        ")",
        "(a",
        "a)",
        "[",
        "[a",
        "[]",
        "[z-a]",
        "[\\d-z]",
        "[[:alpha:]-z]",
        "[a-\\d]",
        "[\\b]",
        "*",
        "+a",
        "a|*",
        "(*a)",
        "(?i)*",
        "{2}",
        "a{",
        "a{x}",
        "a{3,2}",
        "a{-1}",
        "\\",
        "\\Q.\\E",
        "\\C",
        "\\Z",
        "\\h",
        "\\é",
        "\\x",
        "\\xg",
        "\\x{110000}",
        "\\x{d800}",
        "\\p",
        "(?)",
        "(?i-)",
        "(?ii)",
        "(?z)",
        "(?P<1>a)",
        "(?P<>a)",
        "(?P<n>a)(?P<n>b)",
    ],
)
def test_patterns_that_rust_refuses_match_nothing(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made = ChannelPattern(pattern)
    assert made.warning
    assert not made.matches("")
    assert not made.matches(pattern)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("pattern", "sign"),
    [
        ("[a-z&&[^b]]", "set operation &&"),
        ("[a-z--b]", "set operation --"),
        ("[a-z~~b]", "set operation ~~"),
        ("[a[b]]", "class within a class"),
        ("[[:nope:]]", "class within a class"),
        ("[]-a]", "range from ]"),
        ("(?x) a b", "flag x"),
        ("(?-x)a", "flag x"),
        ("(?R)a", "flag R"),
        ("(?u)a", "flag u"),
        ("(?-u)a", "flag u"),
        ("(?ix:a )", "flag x"),
        ("\\b{start}a", "word boundary"),
        ("\\<a\\>", "word boundary"),
        ("\\u0041", "\\u"),
        ("\\U00000041", "\\U"),
        ("\\u{41}", "\\u"),
        ("\\_", "write _"),
        ("[\\_]", "write _"),
        ("\\p{Letter}", "\\p"),
        ("\\p{sc=Greek}", "\\p"),
        ("\\p{greek}", "\\p"),
        ("\\p{^L}", "\\P"),
        ("a**", "repetition of a repetition"),
        ("a+{2}", "repetition of a repetition"),
        ("a{2}{3}", "repetition of a repetition"),
        ("a{,3}", "write {n,m}"),
        ("a{ 2 }", "write {n,m}"),
        ("a{1001}", "1000"),
        ("((a{1000}){1000}){1000}", "simply"),
        ("(?P<a.b>x)", "name of a group"),
        ("(" * 200 + ")" * 200, "nested groups"),
    ],
)
def test_patterns_that_cannot_be_honoured_exactly(
    pattern: str, sign: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PatternUnsureError) as caught:
        ChannelPattern(pattern)
    assert sign in str(caught.value)
    assert "honoured exactly; " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_what_is_remembered_is_bounded() -> None:
    pattern = ChannelPattern("7")
    for index in range(10_000):
        assert pattern.matches(str(index)) == ("7" in str(index))
    assert len(pattern._known) <= 4096


def test_examine_says_same_for_plain_text() -> None:
    assert examine("orders") == (Verdict.SAME, "")
