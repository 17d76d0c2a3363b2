"""A live screen without a terminal: a picture of a scene, and keys that are typed at it."""

from __future__ import annotations

from support.status_documents import COUNT, SCENES

from sockq.supervisor.screen_decoder import KeyDecoder
from sockq.supervisor.screen_model import Model
from sockq.supervisor.screen_picture import Picture, Reading
from sockq.supervisor.screen_press import press
from sockq.supervisor.screen_ui import Ui


def picture(scene: str = "degraded") -> Picture:
    """What the screen shows of a scene after some documents."""
    model = Model()
    for tick in range(COUNT - 5, COUNT):
        seen = model.take([Reading("/run/sockq", SCENES[scene](tick))])
    return seen


def type_keys(ui: Ui, keys: str, seen: Picture) -> object:
    """Type, as a terminal sends it; returns what the last key asks for."""
    effect: object = None
    for key in KeyDecoder().feed(keys.encode()):
        effect = press(ui, key, seen, 100.0)
    return effect
