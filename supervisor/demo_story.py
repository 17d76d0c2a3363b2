"""What happens in the demo: people come to a few channels, say something, and leave, for ever."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Final

from sockq.supervisor.job_events import Event, make_event

_SAID: Final = ("hello", "is this thing on?", "žluťoučký kůň", "👋 from the demo")
_ROOM: Final = "presence-room"
_CHAT: Final = "private-chat"


def story() -> Iterator[Event]:
    """Events without end; a round of them has every kind that Sockudo sends."""
    for person, said in zip(cycle(("ada", "grace", "linus")), cycle(_SAID), strict=False):
        yield make_event("channel_occupied", "orders")
        yield make_event("subscription_count", "orders", 1)
        yield make_event("channel_occupied", _ROOM)
        yield make_event("member_added", _ROOM, user=person)
        yield make_event("cache_miss", "cache-prices")
        yield make_event(
            "client_event",
            _CHAT,
            {"text": said, "from": person},
            client_event="client-message",
        )
        yield make_event("member_updated", _ROOM, {"mood": "curious"}, user=person)
        yield make_event("message_version_created", _CHAT)
        yield make_event("annotation_created", _CHAT, {"annotation_type": "reaction"})
        yield make_event("ai_turn_started", "ai-help")
        yield make_event("ai_run_started", "ai-help")
        yield make_event("ai_cancel_requested", "ai-help")
        yield make_event("ai_stream_cancelled", "ai-help")
        yield make_event("ai_stream_orphaned", "ai-help")
        yield make_event("ai_run_ended", "ai-help")
        yield make_event("ai_turn_ended", "ai-help")
        yield make_event("annotation_deleted", _CHAT)
        yield make_event("client_event", _CHAT, {"typing": False}, client_event="client-typing")
        yield make_event("member_removed", _ROOM, user=person)
        yield make_event("channel_vacated", _ROOM)
        yield make_event("subscription_count", "orders", 0)
        yield make_event("channel_vacated", "orders")
