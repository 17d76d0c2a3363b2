"""Rules about the configuration: numbers that must agree, and what reading it warned of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockq.drivers.hosts import is_private
from sockq.supervisor.doctor_finding import Finding, fine, warning
from sockq.workers.apps import App, Webhook

_ABOUT: Final = "config"
_SHOWN: Final = 3
#: What a drain keeps for giving back what it could not finish.
_GIVE_BACK_SECONDS: Final = 3.0


def config_findings(
    apps: Sequence[App],
    warnings: Sequence[str],
    *,
    lease_seconds: float,
    drain_seconds: float,
    hang_seconds: float,
    store: bool,
) -> Iterator[Finding]:
    """Everything about the configuration.

    Args:
        apps: Of the file.
        warnings: Of reading it: one line each, what to do behind the last semicolon.
        lease_seconds: How long a claim holds that nobody extends.
        drain_seconds: How long a stop may take.
        hang_seconds: A worker silent for this long is replaced.
        store: Whether there are apps elsewhere too.
    """
    for line in warnings:
        what, _, change = line.rpartition("; ")
        yield warning(_ABOUT, what, "", change) if what else warning(_ABOUT, line, "", "")
    webhooks = [webhook for app in apps for webhook in app.webhooks]
    more = " and those of the app store, which are not looked at here" if store else ""
    counts = f"{_count(len(apps), 'app')} with {_count(len(webhooks), 'webhook')}"
    yield fine(_ABOUT, f"{counts} in the configuration{more}")
    yield from _silent(apps)
    yield from _times(webhooks, lease_seconds, drain_seconds)
    if lease_seconds <= hang_seconds:
        yield warning(
            _ABOUT,
            f"lease_seconds {lease_seconds:g} is not above hang_seconds {hang_seconds:g}",
            "the jobs of a worker that hangs are given to others while it may still wake up and"
            " send them too",
            f"[sockq] lease_seconds = {2 * hang_seconds:g}",
        )
    yield from _plain(webhooks)


def _silent(apps: Sequence[App]) -> Iterator[Finding]:
    silent = sorted(app.id for app in apps if not app.webhooks)
    if silent:
        yield warning(
            _ABOUT,
            f"{_count(len(silent), 'app')} without webhooks: {_first(silent)}",
            "their jobs are done at once, and nobody is told of their events",
            "give them webhooks, or take the apps out of the file",
        )


def _times(webhooks: Sequence[Webhook], lease: float, drain: float) -> Iterator[Finding]:
    longest = max((one.timeout_seconds for one in webhooks), default=0.0)
    slow = _labels([one for one in webhooks if one.timeout_seconds > lease])
    if slow:
        yield warning(
            _ABOUT,
            f"a request may take {longest:g} s, longer than lease_seconds {lease:g} ({slow})",
            "when a worker is lost while it waits for the answer, another sends the webhook again",
            f"[sockq] lease_seconds = {longest + 10:g}, or a shorter request_timeout_ms",
        )
    if longest > drain - _GIVE_BACK_SECONDS:
        slow = _labels([o for o in webhooks if o.timeout_seconds > drain - _GIVE_BACK_SECONDS])
        yield warning(
            _ABOUT,
            f"a request may take {longest:g} s and a stop {drain:g} s ({slow})",
            "a stop cuts such requests off, and their webhooks are sent again",
            f"[sockq] drain_seconds = {longest + 2 * _GIVE_BACK_SECONDS:g}",
        )


def _plain(webhooks: Sequence[Webhook]) -> Iterator[Finding]:
    plain = [
        one
        for one in webhooks
        if one.endpoint is not None
        and one.endpoint.scheme == "http"
        and not is_private(one.endpoint.host)
    ]
    if plain:
        yield warning(
            _ABOUT,
            f"http, not https, to a public host: {_labels(plain)}",
            "whoever is in between reads the events, and can keep them back",
            'url = "https://…" in those webhooks',
        )


def _labels(webhooks: Sequence[Webhook]) -> str:
    return _first(sorted({one.label for one in webhooks}))


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
