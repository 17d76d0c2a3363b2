"""Jobs as Sockudo writes them: the fields of every event, the label, the order of the keys."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

#: A socket id as the servers make them.
_SOCKET: Final = "142857.285714"


@dataclass(frozen=True, slots=True)
class _Shape:
    """An event's fields beside ``name`` and ``channel``, with what they hold when nobody says.

    Attributes:
        fields: Field to its stand-in.
        data_field: The field that ``--data`` fills; empty: its members are fields themselves.
        label: The parts of ``original_signature`` behind app and channel: ``{field}`` or the name.
    """

    fields: Mapping[str, object]
    data_field: str = ""
    label: str = ""


_TURN: Final = {"turn_id": "turn-1", "client_id": None}
_STREAM: Final = {"message_serial": "0001", "reason": "cancelled"}
_ANNOTATION: Final = {
    "message_serial": "0001",
    "annotation_serial": "0002",
    "annotation_type": "reaction",
}

_SHAPES: Final[Mapping[str, _Shape]] = {
    "channel_occupied": _Shape({}),
    "channel_vacated": _Shape({}),
    "member_added": _Shape({"user_id": "user-1"}, label="{user_id}:"),
    "member_removed": _Shape({"user_id": "user-1"}, label="{user_id}:"),
    "member_updated": _Shape(
        {"user_id": "user-1", "user_info": {}}, data_field="user_info", label="{user_id}:"
    ),
    "client_event": _Shape(
        {"event": "client-message", "data": {}, "socket_id": _SOCKET},
        data_field="data",
        label="{socket_id}:",
    ),
    "cache_miss": _Shape({"data": "{}"}),
    "subscription_count": _Shape({"subscription_count": 1}, data_field="subscription_count"),
    "ai_stream_cancelled": _Shape(_STREAM, label="{message_serial}:"),
    "ai_stream_orphaned": _Shape(_STREAM, label="{message_serial}:"),
    "ai_turn_started": _Shape(_TURN, label="{turn_id}:"),
    "ai_turn_ended": _Shape(
        {"turn_id": "turn-1", "reason": "completed", "error_code": None},
        label="{turn_id}:{reason}:",
    ),
    "ai_run_started": _Shape({"run_id": "run-1", "client_id": None}, label="{run_id}:"),
    "ai_run_ended": _Shape(
        {"run_id": "run-1", "reason": "completed", "error_code": None}, label="{run_id}:{reason}:"
    ),
    "ai_cancel_requested": _Shape({**_TURN, "run_id": "turn-1"}, label="{turn_id}:"),
    "message_version_created": _Shape(
        {"message_serial": "0001", "version_serial": "0002", "action": "update"},
        label="{message_serial}:{version_serial}:",
    ),
    "annotation_created": _Shape(_ANNOTATION, label="{message_serial}:{annotation_serial}:"),
    "annotation_deleted": _Shape(
        {**_ANNOTATION, "deleted_annotation_serial": "0002"},
        label="{message_serial}:{annotation_serial}:",
    ),
}

EVENT_NAMES: Final = tuple(_SHAPES)


@dataclass(frozen=True, slots=True)
class Event:
    """One event and the label of a job that carries it alone, less the app's id."""

    fields: Mapping[str, object]
    label: str


def make_event(
    name: str,
    channel: str,
    data: object = msgspec.UNSET,
    *,
    user: str = "",
    client_event: str = "",
) -> Event:
    """Make an event with the fields that the server gives it.

    Args:
        name: One of ``EVENT_NAMES``.
        channel: Its channel.
        data: What ``client_event`` carries, ``member_updated`` says of the user, the number of
            ``subscription_count``; for other events an object whose members replace fields.
        user: ``user_id`` of a member event.
        client_event: What the client called its event, for ``client_event``.

    Raises:
        ValueError: One line: no such event, or the data does not suit it.
    """
    shape = _SHAPES.get(name)
    if shape is None:
        close = difflib.get_close_matches(name, EVENT_NAMES, n=1)
        guess = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(EVENT_NAMES)}"
        raise ValueError(f'there is no event "{name}"; {guess}')
    fields = dict(shape.fields)
    if user and "user_id" in fields:
        fields["user_id"] = user
    if client_event and "event" in fields:
        fields["event"] = client_event
    if data is not msgspec.UNSET:
        fields |= _from_data(name, shape, data)
    values = {key: "unknown" if value is None else value for key, value in fields.items()}
    label = f"{channel}:{shape.label.format_map(values)}{name}"
    if name == "subscription_count":
        label += f":{fields['subscription_count']}"
    return Event({"name": name, "channel": channel, **fields}, label)


def _from_data(name: str, shape: _Shape, data: object) -> Mapping[str, object]:
    if name == "subscription_count" and (not isinstance(data, int) or isinstance(data, bool)):
        raise ValueError("--data of subscription_count is a whole number")
    if shape.data_field:
        return {shape.data_field: data}
    if not isinstance(data, Mapping):
        raise ValueError(  # noqa: TRY004 - the user's value, as all faults here
            f"--data of {name} is an object with some of its fields: {_known(shape)}"
        )
    if unknown := [key for key in data if key not in shape.fields]:
        raise ValueError(f'{name} has no field "{unknown[0]}"; it has {_known(shape)}')
    return data


def _known(shape: _Shape) -> str:
    return ", ".join(shape.fields) or "none beside name and channel"


def make_job(app_id: str, key: str, secret: str, event: Event, time_ms: int) -> bytes:
    """The bytes of a job, keys in the order of Sockudo's.

    Args:
        app_id: Of the app.
        key: Its key.
        secret: Its secret; stands in the job in clear, as the server writes it.
        event: The one event it carries.
        time_ms: Unix time.
    """
    return msgspec.json.encode(
        {
            "app_key": key,
            "app_id": app_id,
            "app_secret": secret,
            "payload": {"time_ms": time_ms, "events": [event.fields]},
            "original_signature": f"{app_id}:{event.label}",
        }
    )
