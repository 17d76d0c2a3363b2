"""Reading soketi's app records, from its file, its variables or a store.

Several spellings of a field count; ``webhooks`` may be a list or the JSON text of one. Whether an
app is ``enabled`` is not asked: soketi delivers to it all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from sockq.workers.app_shapes import WebhookReader
from sockq.workers.apps import App, AppReading, FunctionTarget, WebhookDefaults
from sockq.workers.channel_filter import ChannelFilter
from sockq.workers.custom_headers import read_headers
from sockq.workers.endpoint import Endpoint, make_endpoint
from sockq.workers.notes import Notes, type_name

#: What soketi takes for a record that does not say.
_FALLBACKS: Final = {"id": "app-id", "key": "app-key", "secret": "app-secret"}
_FILTERS: Final = ("channel_name_starts_with", "channel_name_ends_with")
#: soketi lets a webhook name the type of its body.
_ALLOWED_HEADERS: Final = frozenset({"content-type"})
_CLIENT_OPTIONS: Final = ("region", "endpoint", "credentials", "httpOptions")
#: The bound of aws-sdk 2, which soketi calls functions with.
_SYNC_SECONDS: Final = 120.0


def read_soketi_app(raw: Mapping[str, object], defaults: WebhookDefaults, where: str) -> AppReading:
    """Read one app: as ``app_shapes.read_app``."""
    notes = Notes(where)
    texts = {name: _identity(raw, name, notes) for name in _FALLBACKS}
    entries = _webhooks(raw, notes)
    webhooks = _SoketiReader(texts["id"], defaults).read_all(entries, "webhooks", notes)
    if notes.faults:
        return AppReading(None, notes.faults, notes.warnings)
    return AppReading(App(**texts, webhooks=webhooks), notes.faults, notes.warnings)


class _SoketiReader(WebhookReader):
    """What differs from Sockudo's webhooks: filter, headers of any plain type, functions."""

    def _filter(self, raw: object, notes: Notes) -> ChannelFilter | None:
        if not isinstance(raw, Mapping):
            if raw is not None:
                notes.fault(f"is {type_name(raw)}, not an object")
            return None
        for name in raw:
            if name not in _FILTERS:
                notes.warn(f"{name} is not a filter that soketi knows and filters nothing")
        prefix, suffix = (notes.text(raw, name, required=False) or None for name in _FILTERS)
        return ChannelFilter(prefix=prefix, suffix=suffix)

    def _filter_identity(self, raw: object) -> dict[str, object]:
        if not isinstance(raw, Mapping):
            return {}
        return {name: raw[name] for name in _FILTERS if raw.get(name)}

    def _headers(self, raw: object, notes: Notes) -> dict[str, str]:
        if isinstance(raw, Mapping):
            raw = {name: _plain(value) for name, value in raw.items() if value is not None}
        return read_headers(raw, notes, allowed=_ALLOWED_HEADERS)

    def _make_endpoint(self, url: str, headers: dict[str, str]) -> Endpoint:
        if not any(name.lower() == "accept" for name in headers):
            headers = {"Accept": "application/json", **headers}
        return make_endpoint(url, headers, latin1=True)

    def _url(self, raw: Mapping[str, object], notes: Notes) -> str | None:
        return notes.text(raw, "url", required=False) or None

    def _function(
        self, raw: Mapping[str, object], headers: dict[str, str], notes: Notes
    ) -> FunctionTarget | None:
        name = notes.text(raw, "lambda_function", required=False)
        if not name:
            return None
        inner = notes.at("lambda")
        settings = raw.get("lambda") or {}
        if not isinstance(settings, Mapping):
            inner.fault(f"is {type_name(settings)}, not an object")
            return None
        options = settings.get("client_options") or {}
        if not isinstance(options, Mapping):
            inner.fault(f"client_options is {type_name(options)}, not an object")
            return None
        at = inner.at("client_options")
        for option in options:
            if option not in _CLIENT_OPTIONS:
                at.warn(f"{option} is not obeyed")
        keys = _mapping(options, "credentials", at)
        wait_ms = at.at("httpOptions").count(_mapping(options, "httpOptions", at), "timeout", None)
        return FunctionTarget(
            name=name,
            # soketi reads the second; its documentation shows the third.
            region=at.text(options, "region", required=False)
            or inner.text(settings, "region", required=False)
            or notes.text(raw, "region", required=False)
            or "us-east-1",
            waits=not settings.get("async"),
            headers=tuple(headers.items()),
            wrapped=True,
            endpoint_url=_endpoint_url(at.text(options, "endpoint", required=False)),
            access_key_id=at.text(keys, "accessKeyId", required=False),
            secret_access_key=at.text(keys, "secretAccessKey", required=False),
            session_token=at.text(keys, "sessionToken", required=False),
            timeout_seconds=wait_ms / 1000 if wait_ms else _SYNC_SECONDS,
        )


def _identity(raw: Mapping[str, object], name: str, notes: Notes) -> str:
    found: object = None
    for spelling in (name, f"App{name.capitalize()}"):
        if raw.get(spelling) not in (None, ""):
            found = raw[spelling]
    if found is None:
        found = _FALLBACKS[name]
        notes.warn(f"{name} is missing: soketi takes its default for it; give the app one")
    if isinstance(found, bool | float) or not isinstance(found, str | int | bytes):
        notes.fault(f"{name} is {type_name(found)}, not a text")
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)


def _webhooks(raw: Mapping[str, object], notes: Notes) -> list[object]:
    found: object = None
    for spelling in ("webhooks", "Webhooks"):
        if raw.get(spelling) not in (None, ""):
            found = raw[spelling]
    try:
        while isinstance(found, str | bytes):  # text in a column of JSON is text in text
            found = msgspec.json.decode(found)
    except msgspec.DecodeError:
        notes.fault("webhooks is text that is not JSON")
        return []
    if isinstance(found, list | tuple):
        return list(found)
    if found is not None:
        notes.warn(f"webhooks is {type_name(found)}, not an array: there are none")
    return []


def _mapping(raw: Mapping[str, object], name: str, notes: Notes) -> Mapping[str, object]:
    value = raw.get(name)
    if value is None or isinstance(value, Mapping):
        return value or {}
    notes.fault(f"{name} is {type_name(value)}, not an object")
    return {}


def _plain(value: object) -> object:
    """A header's value as JavaScript writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, int | float) else value


def _endpoint_url(text: str | None) -> str | None:
    """The SDK takes a host alone."""
    return text and (text if "://" in text else f"https://{text}")
