"""Reading Sockudo's app records, from its file or a store: the ``policy`` shape and the flat one.

What Sockudo refuses is a fault here too; what it silently ignores is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b

import msgspec

from sockq.workers.apps import (
    App,
    AppReading,
    FunctionTarget,
    RetrySettings,
    Webhook,
    WebhookDefaults,
)
from sockq.workers.channel_filter import ChannelFilter, ChannelPattern, PatternUnsureError
from sockq.workers.custom_headers import read_headers
from sockq.workers.endpoint import Endpoint, make_endpoint
from sockq.workers.notes import Notes, type_name

_RETRY_TIMES = ("max_elapsed_time_ms", "initial_backoff_ms", "max_backoff_ms")
_FILTER_FIELDS = (
    "channel_prefix",
    "channel_suffix",
    "channel_pattern",
    "channel_namespace",
    "channel_namespaces",
)


def read_app(raw: Mapping[str, object], defaults: WebhookDefaults, where: str) -> AppReading:
    """Read one app.

    Args:
        raw: The record, as JSON or TOML gave it.
        defaults: For what a webhook leaves out.
        where: Where the record stands (``app_manager.array.apps[0]``): begins every line.

    Returns:
        What it says. A pattern that is invalid for Sockudo too is a warning: such a webhook gets
        nothing.
    """
    notes = Notes(where)
    texts = {name: notes.text(raw, name) for name in ("id", "key", "secret")}
    entries, path = _webhook_entries(raw, notes)
    webhooks = WebhookReader(str(texts["id"]), defaults).read_all(entries, path, notes)
    if notes.faults:
        return AppReading(None, notes.faults, notes.warnings)
    app = App(str(texts["id"]), str(texts["key"]), str(texts["secret"]), webhooks)
    return AppReading(app, notes.faults, notes.warnings)


def _webhook_entries(raw: Mapping[str, object], notes: Notes) -> tuple[list[object], str]:
    """The records and the path to them: beside a ``policy`` Sockudo reads nothing else."""
    policy = raw.get("policy")
    if policy is None:
        return notes.array(raw, "webhooks"), "webhooks"
    if raw.get("webhooks"):
        notes.warn("webhooks beside policy are ignored; move them into policy.webhooks")
    if not isinstance(policy, Mapping):
        notes.fault(f"policy is {type_name(policy)}, not an object")
        return [], "policy.webhooks"
    return notes.at("policy").array(policy, "webhooks"), "policy.webhooks"


class WebhookReader:
    """Reads the webhooks of one app, and tells equal ones apart. Sockudo's; soketi's derive."""

    def __init__(self, app_id: str, defaults: WebhookDefaults) -> None:
        self._app_id = app_id
        self._defaults = defaults
        self._seen: dict[bytes, int] = {}

    def read_all(self, entries: Iterable[object], path: str, notes: Notes) -> tuple[Webhook, ...]:
        """Read the records under ``path``; what cannot be used is left out, and told."""
        webhooks = []
        for index, entry in enumerate(entries):
            at = notes.at(f"{path}[{index}]")
            if not isinstance(entry, Mapping):
                at.fault(f"is {type_name(entry)}, not an object")
            elif (webhook := self.read(entry, at)) is not None:
                webhooks.append(webhook)
        return tuple(webhooks)

    def read(self, raw: Mapping[str, object], notes: Notes) -> Webhook | None:
        """Read one; None when there is a fault, or nowhere to send to."""
        before = len(notes.faults)
        event_types = _event_types(raw, notes)
        channels = self._filter(raw.get("filter"), notes.at("filter"))
        retry = self._retry(raw, notes)
        timeout_ms = notes.count(raw, "request_timeout_ms", self._defaults.request_timeout_ms)
        headers = self._headers(raw.get("headers"), notes.at("headers"))
        url = self._url(raw, notes)
        endpoint = None if url is None else self._endpoint(raw, url, headers, notes)
        function = None if url is not None else self._function(raw, headers, notes)
        if len(notes.faults) > before:
            return None
        if endpoint is None and function is None:
            notes.warn("has neither url nor lambda and is skipped; give it a url")
            return None
        timeout_seconds = max(timeout_ms or 0, 1) / 1000
        target = endpoint.url_key if endpoint else ""
        if function is not None:
            target = f"lambda {function.region} {function.name}"
            timeout_seconds = function.timeout_seconds if function.waits else timeout_seconds
        return Webhook(
            target_id=self._target_id(target, event_types, raw.get("filter")),
            endpoint=endpoint,
            event_types=event_types,
            filter=channels,
            retry=retry,
            timeout_seconds=timeout_seconds,
            lane=f"{self._app_id} {target}",
            function=function,
        )

    def _retry(self, raw: Mapping[str, object], notes: Notes) -> RetrySettings | None:
        own = raw.get("retry")
        if own is None:
            return self._defaults.retry
        return _retry(own, self._defaults.retry or RetrySettings(), notes.at("retry"))

    def _filter(self, raw: object, notes: Notes) -> ChannelFilter | None:
        return _filter(raw, notes)

    def _filter_identity(self, raw: object) -> dict[str, object]:
        return {
            name: raw[name]
            for name in _FILTER_FIELDS
            if isinstance(raw, Mapping) and raw.get(name) is not None
        }

    def _headers(self, raw: object, notes: Notes) -> dict[str, str]:
        return read_headers(raw, notes)

    def _url(self, raw: Mapping[str, object], notes: Notes) -> str | None:
        return notes.text(raw, "url", required=False)

    def _endpoint(
        self, raw: Mapping[str, object], url: str, headers: dict[str, str], notes: Notes
    ) -> Endpoint | None:
        if raw.get("lambda") is not None or raw.get("lambda_function") is not None:
            notes.warn("has both url and lambda: the url is used")
        try:
            return self._make_endpoint(url, headers)
        except ValueError as error:
            (notes.at("url") if "URL" in str(error) else notes).fault(str(error))
            return None

    def _make_endpoint(self, url: str, headers: dict[str, str]) -> Endpoint:
        return make_endpoint(url, headers)

    def _function(
        self,
        raw: Mapping[str, object],
        headers: dict[str, str],  # noqa: ARG002 - Sockudo gives functions no headers
        notes: Notes,
    ) -> FunctionTarget | None:
        """Read the function. Beside ``lambda``, ``lambda_function`` says nothing, as there."""
        legacy = notes.text(raw, "lambda_function", required=False)
        target = raw.get("lambda")
        if target is None:
            return None if legacy is None else FunctionTarget(legacy)
        if not isinstance(target, Mapping):
            notes.fault(f"lambda is {type_name(target)}, not an object")
            return None
        inner = notes.at("lambda")
        region, name = inner.text(target, "region"), inner.text(target, "function_name")
        return FunctionTarget(name, region) if name and region else None

    def _target_id(self, target: str, event_types: frozenset[str], channels: object) -> str:
        """Stable while the webhook means the same: headers, retry and credentials may change."""
        known = self._filter_identity(channels)
        identity = msgspec.json.encode([target, sorted(event_types), known])
        occurrence = self._seen[identity] = self._seen.get(identity, -1) + 1
        return blake2b(b"%b %d" % (identity, occurrence), digest_size=8).hexdigest()


def _event_types(raw: Mapping[str, object], notes: Notes) -> frozenset[str]:
    if raw.get("event_types") is None:
        notes.fault("event_types is missing; list the events to deliver")
        return frozenset()
    return frozenset(notes.texts(raw, "event_types"))


def _retry(raw: object, base: RetrySettings, notes: Notes) -> RetrySettings:
    if not isinstance(raw, Mapping):
        notes.fault(f"is {type_name(raw)}, not an object")
        return base
    enabled = raw.get("enabled")
    if enabled is None:
        enabled = base.enabled
    elif not isinstance(enabled, bool):
        notes.fault(f"enabled is {type_name(enabled)}, not true or false")
    times = {name: notes.count(raw, name, None) for name in _RETRY_TIMES}
    return replace(
        base,
        enabled=bool(enabled),
        max_attempts=notes.count(raw, "max_attempts", base.max_attempts),
        **{name: value for name, value in times.items() if value is not None},
    )


def _filter(raw: object, notes: Notes) -> ChannelFilter | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        notes.fault(f"is {type_name(raw)}, not an object")
        return None
    for name in raw:
        if name not in _FILTER_FIELDS:
            notes.warn(f"{name} is not a filter that Sockudo knows and filters nothing")
    namespaces = raw.get("channel_namespaces")
    return ChannelFilter(
        prefix=notes.text(raw, "channel_prefix", required=False),
        suffix=notes.text(raw, "channel_suffix", required=False),
        pattern=_pattern(notes.text(raw, "channel_pattern", required=False), notes),
        namespace=notes.text(raw, "channel_namespace", required=False),
        namespaces=None
        if namespaces is None
        else frozenset(notes.texts(raw, "channel_namespaces")),
    )


def _pattern(text: str | None, notes: Notes) -> ChannelPattern | None:
    if text is None:
        return None
    try:
        pattern = ChannelPattern(text)
    except PatternUnsureError as error:
        notes.fault(f"channel_pattern {text!r}: {error}")
        return None
    if pattern.warning is not None:
        notes.warn(
            f"channel_pattern {text!r} is invalid for Sockudo too ({pattern.warning}):"
            " this webhook gets no events"
        )
    return pattern
